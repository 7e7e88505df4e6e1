"""Completion in Bash, which takes a colon for the end of a word: addresses and targets have some.

Click's own hands over the pieces that Bash cuts a line into, so nothing after `main:` is completed. This one hands over the
line itself, and gives back what stands after the last colon, which is all that Bash replaces.
"""

from __future__ import annotations

import os

from click.shell_completion import BashComplete, add_completion_class, split_arg_string

_SOURCE = """\
%(complete_func)s() {
    local IFS=$'\\n' type value
    local words="${COMP_LINE:0:COMP_POINT}"
    local word="${words##*[[:space:]]}" before=""
    [[ $COMP_WORDBREAKS == *:* && $word == *:* ]] && before="${word%%:*}:"
    COMPREPLY=()
    for completion in $(env COMP_WORDS="$words" %(complete_var)s=bash_complete "$1"); do
        IFS=',' read -r type value <<< "$completion"
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("${value#"$before"}") ;;
        esac
    done
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Bash(BashComplete):
    source_template = _SOURCE

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        return (words, "") if line[-1:].isspace() or not words else (words[:-1], words[-1])


def register() -> None:
    """Take the place of click's own."""
    add_completion_class(_Bash)
