"""The limits of a submission that need no engine."""

import pytest

from kd_engines.training.intake.submission import check
from kd_pipeline.errors import InvalidInput
from kd_pipeline.messages import SubmitJob


@pytest.mark.parametrize("line", [0, -1, 1_000_001])
def test_the_first_line_has_limits(line: int) -> None:
    with pytest.raises(InvalidInput, match=r"first_line is .* from 1 to 1,000,000"):
        check(SubmitJob(code="pass", first_line=line))


def test_the_last_line_that_may_be_first_passes() -> None:
    check(SubmitJob(code="pass", first_line=1_000_000))


def test_names_are_looked_at_too() -> None:
    with pytest.raises(InvalidInput, match="outputs has the name 'a b'"):
        check(SubmitJob(code="pass", outputs=["a b"]))
