"""Money as vendors send it, in major units, as the envelope's minor units."""

# ISO 4217; every other currency has two decimals. A test holds that the seed `currencies` says the same.
WITHOUT_DECIMALS = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF",
)  # fmt: skip
WITH_THREE_DECIMALS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")


def decimals(currency: object) -> int:
    """How many decimals a currency has: what makes major units of minor ones."""
    code = currency.strip().upper() if isinstance(currency, str) else ""
    return 0 if code in WITHOUT_DECIMALS else 3 if code in WITH_THREE_DECIMALS else 2


def amount_cents(major: str, currency: str) -> str:
    """The SQL of minor units from that of a text in major units, exact in decimals; null where it is no number."""
    code = f"upper(trim({currency}))"
    return f"""
        try_cast(round(try_cast({major} as decimal(18, 6)) * case
            when {code} in {WITHOUT_DECIMALS} then 1 when {code} in {WITH_THREE_DECIMALS} then 1000 else 100
        end) as bigint)"""
