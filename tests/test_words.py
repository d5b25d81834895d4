"""Numbers as people read them."""

from activations.words import number, with_error


def test_numbers_keep_the_digits_that_their_interval_supports():
    assert number(0.23617, 0.2351, 0.2372) == "0.2362"
    assert number(9.8, 9.1, 10.4) == "9.8"
    assert number(-2.5e-24) == "−2.5 × 10⁻²⁴"
    assert number(63.21, 63.21, 63.21) == "63.21"
    assert number(float("-inf")) == "−∞"
    assert number(float("nan")) == number(None) == "none"


def test_without_an_interval_a_number_has_the_digits_asked_for_and_no_exponent_of_a_program():
    assert number(12345.6) == "12350" and number(12345.6, digits=3) == "12300"
    assert number(0.49994, digits=3) == "0.5" and number(0) == "0"


def test_an_error_has_one_digit_or_two_where_it_begins_with_a_small_one():
    assert with_error(10.36, 8.75, 11.97) == "10.4 ± 1.6"
    assert with_error(0.5131, 0.5079, 0.5183) == "0.513 ± 0.005"
    assert with_error(3.0, 3.0, 3.0) == "3"
