"""The two Dockerfiles of laminar's image: one from a checkout, one from what is installed."""

from __future__ import annotations

from pathlib import Path

import laminar.images

ROOT = Path(__file__).parents[3]


def last_stage(path: Path) -> str:
    return path.read_text().rpartition("\nFROM ")[2]


def test_both_make_the_image_in_the_same_stage() -> None:
    packaged = Path(laminar.images.__file__).parent / "Dockerfile"
    assert last_stage(ROOT / "Dockerfile") == last_stage(packaged)
    assert "COPY --from=builder /opt/laminar" in last_stage(packaged)
