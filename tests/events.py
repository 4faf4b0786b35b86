"""Generated adverse events: legal records of AE with every variable that FHIR brings back."""

from typing import Any

from hypothesis import strategies as st
from words import DTC, MAYBE, WORDS, maybe, terms

SCALE = ["NOT RELATED", "UNLIKELY RELATED", "POSSIBLY RELATED", "RELATED"]
FREE = (
    *("AEGRPID", "AEREFID", "AEMODIFY", "AECAT", "AESCAT", "AELOC", "AEACNOTH", "AEACNDEV", "AERLDEV"),
    *("AEPATT", "AERELNST", "AERLPRT", "AERLPRC", "AEDUR"),
)
FLAGS = (
    *("AEPRESP", "AESCAN", "AESCONG", "AESDISAB", "AESHOSP", "AESLIFE", "AESOD", "AESMIE", "AESINTV"),
    *("AEUNANT", "AECONTRT"),
)
CODE = st.integers(10_000_000, 99_999_999).map(float)


@st.composite
def coding(draw: st.DrawFn) -> dict[str, Any]:
    """Levels of a dictionary: a preferred term, perhaps without a code, or none."""
    levels = {
        "AELLT": "AELLTCD",
        "AEHLT": "AEHLTCD",
        "AEHLGT": "AEHLGTCD",
        "AEBODSYS": "AEBDSYCD",
        "AESOC": "AESOCCD",
    }
    decod = draw(st.just("UNCODED") | WORDS)
    found = {"AEDECOD": decod, "AEPTCD": None if decod == "UNCODED" else draw(maybe(CODE))}
    return found | {
        name: value
        for term, code in levels.items()
        for name, value in ((term, draw(MAYBE)), (code, draw(maybe(CODE))))
    }


@st.composite
def drugs(draw: st.DrawFn) -> dict[str, Any]:
    """What is said of both study drugs together, and of each: not of one alone, which says it of both."""
    rel, acn = (
        draw(maybe(st.sampled_from([*SCALE, "MULTIPLE"]) | WORDS)),
        draw(maybe(st.sampled_from(terms("C66767")))),
    )
    each = st.sampled_from(SCALE) | WORDS
    return {
        "AEREL": rel,
        "AEACN": acn,
        "_AERELSIR": draw(maybe(each)) if rel else None,
        "_AERELATR": draw(maybe(each)) if rel else None,
        "_AEACNSIR": draw(maybe(st.sampled_from(terms("C66767")))) if acn else None,
        "_AEACNATR": draw(maybe(st.sampled_from(terms("C66767")))) if acn else None,
        "_AERELSRC": draw(MAYBE),
    }


@st.composite
def ae(draw: st.DrawFn, usubjid: str, n: int) -> dict[str, Any]:
    """One adverse event."""
    outcome, end = draw(maybe(st.sampled_from(terms("C66768")))), draw(maybe(DTC))
    goes_on = outcome == "NOT RECOVERED/NOT RESOLVED" and end is None
    related = draw(st.sampled_from(terms("C66728")) if goes_on else maybe(st.sampled_from(terms("C66728"))))
    return {
        "STUDYID": "NCT04324411",
        "DOMAIN": "AE",
        "USUBJID": usubjid,
        "AESEQ": n,
        "AESPID": draw(st.sampled_from([f"AdverseEvent/ae{n}", f"AE-{n}"])),
        "AETERM": draw(WORDS),
        **draw(coding()),
        **draw(drugs()),
        **{name: draw(MAYBE) for name in FREE},
        **{name: draw(st.sampled_from([None, "Y", "N"])) for name in FLAGS},
        "AESEV": draw(maybe(st.sampled_from(terms("C66769")))),
        "AESER": draw(st.sampled_from([None, "Y", "N"])),
        "AESDTH": draw(st.sampled_from(["Y", "N"] if outcome == "FATAL" else [None, "Y", "N"])),
        "AEOUT": outcome,
        "AETOXGR": draw(maybe(st.sampled_from("12345"))),
        "AESTDTC": draw(maybe(DTC)),
        "AEENDTC": end,
        "AEENRF": draw(maybe(st.sampled_from(terms("C66728")))),
        "AEENRTPT": related,
        "AEENTPT": draw(maybe(DTC)) if related else None,
    }
