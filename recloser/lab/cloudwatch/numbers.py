"""Numbers as CloudWatch writes them in the text of a reason."""

from decimal import Decimal

_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e7


def java_double(value: float) -> str:
    """Java's Double.toString: 50.0, but 1.0E7 from ten million on and 1.0E-4 below a thousandth."""
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_BELOW:
        return repr(float(value))
    sign, digits, _ = Decimal(repr(float(value))).normalize().as_tuple()
    exponent = Decimal(repr(float(value))).adjusted()
    rest = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{rest}E{exponent}"
