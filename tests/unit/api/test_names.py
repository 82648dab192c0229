"""What a thing may be called: what is stored is what a person reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from proximity_api.names import Name

NAME: TypeAdapter[str] = TypeAdapter(Name)


@pytest.mark.parametrize("name", ["Wiki", "Überwachung 2", "写真", "👩‍👩‍👧", "ملفات", "a\N{NO-BREAK SPACE}b", "<b>"])
def test_people_write_names_as_they_like(name: str) -> None:
    assert NAME.validate_python(name) == name


@pytest.mark.parametrize(
    ("name", "code"),
    [("a\x00b", "U+0000"), ("a\nb", "U+000A"), ("a\x7f", "U+007F"), ("a\u2028b", "U+2028"), ("a\u202ecod", "U+202E")],
)
def test_what_cannot_be_seen_is_refused_by_its_number(name: str, code: str) -> None:
    with pytest.raises(ValidationError, match=f"cannot be seen .{code[:1]}.{code[2:]}."):
        NAME.validate_python(name)


@given(st.text(min_size=1, max_size=100))
def test_a_name_that_is_taken_fits_on_one_line(name: str) -> None:
    try:
        taken = NAME.validate_python(name)
    except ValidationError:
        return
    assert taken == name
    assert len((taken + "x").splitlines()) == 1
    assert taken.encode().decode() == taken
