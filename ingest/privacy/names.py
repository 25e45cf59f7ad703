"""Which names of members and columns mean personal data: one definition, read alike by Python and by DuckDB."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ingest.distinct import remembered
from ingest.settings import names_in

# of each kind the words that say it at the end of a name, parted as they are written: `billing_email`, `customerEmail`
WORDS = {
    "email": "email, e mail, email address, e mail address, emails, email addresses, mail address",
    "phone": "phone, phones, telephone, phone number, phone numbers, phone no, telephone number, mobile number, "
    "mobile no, cell number, msisdn, fax, fax number, whatsapp, whatsapp number",
    "name": "full name, first name, last name, given name, family name, middle name, maiden name, nick name, sur name, "
    "real name, contact name, customer name, recipient name, cardholder name, legal name, user name, fname, lname, "
    "cardholder",
    "birth": "birthday, birth day, birthdate, birth date, date of birth, dob, year of birth, birth year",
    "address": "street address, postal address, mailing address, billing address, shipping address, home address, "
    "delivery address, invoice address, address line 1, address line 2, address 1, address 2, street, street name, "
    "house number",
    "secret": "password, passwd, pass word, passphrase, passcode, pwd, secret, access token, refresh token, id token, "
    "auth token, session token, reset token, csrf token, device token, push token, bearer token, api key, "
    "authorization, jwt, otp, cookie, cookies",
    "number": "credit card, debit card, bank card, credit card number, card number, card no, cvv, cvv2, cvc, cvc2, "
    "iban, bank account, account number, bank account number, ssn, social security, social security number, passport, "
    "passport number, national id, national id number, tax id, driver license, drivers license, driver licence, "
    "license number, personal number, personal code",
    "comment": "comment, comments, comment text, feedback, feedback text, free text, verbatim, review text",
    "ip": "ip, ipv4, ipv6, ip address, ip addr, remote addr, remote address, x forwarded for",
    "user_agent": "user agent, user agent string",
}
# these say it as the whole name alone
WHOLE = {
    "secret": "token, auth",
    "address": "address",
    "ip": "cip",
    "user_agent": "ua",
}
# what PostHog calls the answers to its surveys
SURVEY_RESPONSE = r"\$survey_response(?:_[A-Za-z0-9-]+)?"
# the kinds of which a pattern is found in texts alone
PATTERNS = ("card", "token")
KINDS = (*WORDS, *PATTERNS)

# `name` alone is the name of a thing as often as of a person: of a thing where the object's own name or members say so
PLAIN_NAME = "name"
PLAIN_NAMES = frozenset((PLAIN_NAME, "Name", "NAME", "$name", "_name"))
THINGS = frozenset(
    re.split(
        ", ",
        "product, products, item, items, plan, campaign, library, os, browser, app, application, page, screen, "
        "network, experiment, experiments, variant, flag, flags, feature, category, categories, brand, store, station, "
        "location, event, events, sdk, integration, integrations, group, groups, groupset, groupproperties, company, "
        "organization, organisation, account, query, form, button, element, video, article, content, course, lesson, "
        "channel, collection, list, coupon, promotion, city, country, region, params, batch",
    )
)
OF_THINGS = frozenset(
    re.split(
        ", ",
        "sku, productid, itemid, price, quantity, version, url, path, variant, brand, domain, website, params, build, "
        "namespace, contentid, planid, position, listid, couponid, promotionid",
    )
)
OF_TYPES = frozenset(("page", "screen", "group"))
# JSON in base64, as Snowplow's trackers write it
IN_BASE64 = ("ue_px", "cx")

_SEPARATOR = "[_. -]?"
_BEFORE = "[A-Za-z0-9_.$ -]*"
# where a name may begin in JSON, and how it ends there: in JSON that is a text of JSON its quotes are escaped
_BEGINS, _ENDS = r"(?-u:\b)", r'\\*"\s*:'


@remembered
def plain(name: str) -> str:
    """A name without case and separators: `First-Name`, `first_name` and `firstName` are one."""
    return re.sub("[^a-z0-9]", "", name.lower())


def expression(kind: str) -> str:
    """The expression of the whole names of a kind, which RE2 and Python read alike."""
    words, whole = names_in(WORDS[kind]), names_in(WHOLE.get(kind, ""))
    parted = "|".join(word.replace(" ", _SEPARATOR) for word in words)
    # inside of a name in camel case the word begins with a capital
    camel = "|".join(f"{word[0].upper()}(?i:{word[1:].replace(' ', _SEPARATOR)})" for word in words)
    more = [f"(?i:{word})" for word in whole] + ([SURVEY_RESPONSE] if kind == "comment" else [])
    return "|".join([f"(?:{_BEFORE}[_. $-])?(?i:{parted})", f"{_BEFORE}[a-z0-9](?:{camel})", *more])


_READERS = {kind: re.compile(expression(kind)) for kind in WORDS}


@remembered
def kind_of(name: str) -> str | None:
    """What kind of personal data a name means; None where it means none. A plain `name` is judged where it stands."""
    return next((kind for kind, reader in _READERS.items() if reader.fullmatch(name)), None)


def however_parted(name: str) -> str:
    """The expression of a plain name in JSON, whatever stands between its letters; JSON may write that as an escape."""
    return r"(?:[^a-z0-9]|\\u[0-9a-f]{4}|\\[bfnrt])*".join([*name, ""])


# JSON may write a letter of a name as an escape; the last two are those that count as an s and a k
ESCAPED = r"\\u00[2-7]|\\u017[Ff]|\\u212[Aa]"


def member_of(kinds: Iterable[str], names: Iterable[str] = ()) -> str:
    """The expression that finds in JSON, and in JSON that is a text there, members of a kind and of plain `names`.

    It ends with a colon, so that pydantic's engine looks at colons and nowhere else. It finds some other names too. A
    plain `name` is not looked for, and one that is written with escapes is for `ESCAPED` to find.
    """
    of_kinds = "|".join([*(expression(kind) for kind in kinds), SURVEY_RESPONSE.removeprefix(r"\$"), *IN_BASE64])
    told = [f"(?i:{however_parted(name)})" for name in sorted(names)]
    return rf"(?:{'|'.join([f'{_BEGINS}(?:{of_kinds})', *told])}){_ENDS}"


def plain_name() -> str:
    """The expression that finds in JSON, and in JSON that is a text there, members that are a plain `name`."""
    return rf"{_BEGINS}(?:{'|'.join(map(re.escape, sorted(PLAIN_NAMES)))}){_ENDS}"


def stems() -> str:
    """An expression found wherever a name of any kind stands, in JSON or in a query; RE2 reads it fast."""
    words = [word for listed in (*WORDS.values(), *WHOLE.values()) for word in names_in(listed)]
    # every name ends with its word, before a quote, which may be escaped, or an equals sign
    found = {f'{word}["=\\\\]' if " " not in word else max(word.split(), key=len) for word in [*words, *IN_BASE64]}
    told = {stem for stem in found if not any(other != stem and other in stem for other in found)}
    return "(?i)" + "|".join([*sorted(told), "survey_response", f'{PLAIN_NAME}"'])
