import os
import sys
import tempfile
import threading
import time

from laminar import Flow, Layer, Parameters, datastores, executors, hooks, layers


def run(F, **kw):
    t = time.time()
    try:
        e = F()
        return e
    finally:
        print("   took", round(time.time() - t, 2))


os.environ["LAMINAR_PROGRESS"] = "quiet"
which = sys.argv[1]


def T():
    return dict(datastore=datastores.Local(tempfile.mkdtemp()), executor=executors.Thread())


def P():
    return dict(datastore=datastores.Local(tempfile.mkdtemp()), executor=executors.Process())


class Exit0(Flow):
    pass


@Exit0.register
class A(Layer):
    def __call__(self):
        os._exit(0)


class Async(Flow):
    pass


@Async.register
class B(Layer):
    async def __call__(self):
        self.x = 1
        raise ValueError("never seen")


@Async.register
class B2(Layer):
    def __call__(self, b: B):
        self.y = 1
        yield 5


class CatchMask(Flow):
    pass


@CatchMask.register(catch=layers.Catch(ValueError))
class C(Layer):
    def __call__(self):
        self.conn = threading.Lock()
        raise ValueError("the users own")


class HookExit(Flow):
    pass


@HookExit.register
class D(Layer):
    @hooks.submission
    def h(self):
        sys.exit(0)

    def __call__(self):
        self.x = 1


class LeftThread(Flow):
    pass


@LeftThread.register
class L(Layer):
    def __call__(self):
        threading.Thread(target=time.sleep, args=(25,)).start()
        self.x = 1


class Param(Flow):
    pass


@Param.register
class Pm(Layer):
    def __call__(self, p: Parameters):
        self.x = 1


class Neg(Flow):
    pass


@Neg.register
class N(Layer):
    def __call__(self):
        self.x = 1


class NulEnv(Flow):
    pass


@NulEnv.register(container=layers.Container(env={"A": "x\0y"}))
class NE(Layer):
    def __call__(self):
        self.x = 1


class Cpu(Flow):
    pass


@Cpu.register(container=layers.Container(cpu=64))
class CP(Layer):
    def __call__(self):
        self.x = 1


class Acc(Flow):
    pass


if __name__ == "__main__":
    from laminar.errors import LaminarError

    try:
        if which == "exit0":
            f = Exit0(**P())
            try:
                run(f)
            except LaminarError as e:
                print("RAISED", e)
            ex = f.executions()[0]
            print("state:", ex.state, ex.layer(A).state)
        if which == "async":
            f = Async(**T())
            e = run(f)
            print("state", e.state)
            try:
                print(e.layer(B).x)
            except AttributeError as x:
                print("AttributeError", x)
        if which == "catchmask":
            f = CatchMask(**T())
            try:
                run(f)
            except LaminarError as e:
                print("RAISED", e, "| cause:", repr(e.__cause__))
        if which == "hookexit":
            f = HookExit(**T())
            run(f)
        if which == "left":
            f = LeftThread(**P())
            run(f)
        if which == "param":
            f = Param(**T())
            run2 = f(foo=threading.Lock())
        if which == "neg":
            f = Neg(**T())
            e = f()
            try:
                e.layer(N, index=-1).x
            except AttributeError as x:
                print(x)
            f(execution=5)
        if which == "nulenv":
            f = NulEnv(datastore=datastores.Local(tempfile.mkdtemp()), executor=executors.Docker())
            run(f)
        if which == "nulenvp":
            f = NulEnv(**P())
            run(f)
        if which == "cpu":
            os.environ["LAMINAR_PROGRESS"] = "plain"
            f = Cpu(datastore=datastores.Local(tempfile.mkdtemp()), executor=executors.Docker())
            run(f)
    except LaminarError as e:
        print("LaminarError", type(e).__name__, e.exit_code, e)
