"""The law PutGet: what FHIR can say or carry of DM, EC, EX, LB and AE returns from it as it was."""

from functools import cache
from typing import Any

import polars as pl
from hypothesis import HealthCheck, Phase, given, settings
from submissions import study, submissions

from interop.cdisc.dataset import Dataset
from interop.cdisc.standard import Standard
from interop.fhir.template import encode

# Class D: recomputed from what returns; they have tests of their own.
DERIVED = {
    "AE": {"AESEQ", "AESTDY", "AEENDY"},
    "DM": {"RFSTDTC", "RFENDTC", "RFXSTDTC", "RFXENDTC", "RFPENDTC", "AGE", "AGEU", "ACTARMUD"},
    "EC": {"ECSEQ", "ECLNKID", "ECSTDY", "ECENDY"},
    "EX": {"EXSEQ", "EXSTDY", "EXENDY"},
    "LB": {
        "LBSEQ",
        "LBSTRESC",
        "LBSTRESN",
        "LBSTRESU",
        "LBSTNRLO",
        "LBSTNRHI",
        "LBLOBXFL",
        "LBDY",
        "LBENDY",
        "VISITNUM",
        "LBRESSCL",
    },
}


@cache
def standard() -> Standard:
    return Standard.load()


def datasets(rows: dict[str, list[dict[str, Any]]]) -> dict[str, Dataset]:
    made: dict[str, Dataset] = {}
    for domain, records in rows.items():
        types = {v.name: pl.String if v.type == "Char" else pl.Float64 for v in standard().dataset(domain)}
        columns = [name for name in types if any(name in record for record in records)]
        plain = [{name: record.get(name) for name in columns} for record in records]
        made[domain] = Dataset(
            standard().dataset(domain), pl.DataFrame(plain, schema={name: types[name] for name in columns})
        )
        extra = [
            {
                "STUDYID": r["STUDYID"],
                "RDOMAIN": domain,
                "USUBJID": r["USUBJID"],
                "IDVAR": f"{domain}SEQ",
                "IDVARVAL": str(r[f"{domain}SEQ"]),
                "QNAM": key[1:],
                "QLABEL": key,
                "QVAL": value,
                "QORIG": "Collected",
            }
            for r in records
            for key, value in r.items()
            if key.startswith("_") and value is not None
        ]
        if extra:
            made[f"SUPP{domain}"] = Dataset(standard().dataset(f"SUPP{domain}"), pl.DataFrame(extra))
    return made


def keyed(given_: dict[str, Dataset], domain: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Records by subject and --SPID, without what is derived, qualifiers beside the variables."""
    if domain not in given_:
        return {}
    frame = given_[domain].frame
    spid = f"{domain}SPID" if f"{domain}SPID" in frame.columns else "USUBJID"
    found = {
        (r["USUBJID"], r[spid]): {k: v for k, v in r.items() if v is not None and k not in DERIVED[domain]}
        for r in frame.to_dicts()
    }
    if f"SUPP{domain}" in given_ and spid != "USUBJID":
        by_seq = {(r["USUBJID"], str(r[f"{domain}SEQ"])): (r["USUBJID"], r[spid]) for r in frame.to_dicts()}
        for r in given_[f"SUPP{domain}"].frame.to_dicts():
            if r["QNAM"] not in ("REAGNT", "BCHRXN"):
                found[by_seq[r["USUBJID"], r["IDVARVAL"]]][f"SUPP.{r['QNAM']}"] = r["QVAL"]
    return found


def own(returned: dict[str, Dataset], sent: dict[str, Dataset], domain: str) -> dict[str, Dataset]:
    """What returned, without the intervals that were made of the collected doses of their subject."""
    if domain != "EX":
        return returned
    collected = [row["USUBJID"] for row in sent["EC"].frame.to_dicts()]
    made = pl.col("USUBJID").is_in(collected)
    kept = {name: returned[name] for name in ("EX", "SUPPEX") if name in returned}
    return {name: Dataset(data.domain, data.frame.filter(~made)) for name, data in kept.items()}


def differences(sent: dict[str, Dataset], returned: dict[str, Dataset]) -> list[tuple[object, ...]]:
    """Cells that did not return as they were: domain, record, variable, what was sent, what returned."""
    found: list[tuple[object, ...]] = []
    for domain in DERIVED:
        before, after = keyed(sent, domain), keyed(own(returned, sent, domain), domain)
        for key in sorted({*before, *after}):
            one, other = before.get(key, {}), after.get(key, {})
            names = [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
            found += [(domain, key, name, one.get(name), other.get(name)) for name in names]
    return found


@settings(
    max_examples=20,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(rows=submissions())
def test_what_goes_to_fhir_returns_as_it_was(rows: dict[str, list[dict[str, Any]]]) -> None:
    sent = datasets(rows)
    back = study().to_fhir(sent)
    assert not list(back.issues)
    again = study().to_sdtm([encode(resource) and resource for resource in back])
    assert differences(sent, dict(again.datasets)) == []


@settings(
    max_examples=10,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(rows=submissions())
def test_intervals_are_made_again_of_what_was_collected(rows: dict[str, list[dict[str, Any]]]) -> None:
    """EX of EC is written nowhere, and comes back as it was; doses never double."""
    first = study().to_sdtm(list(study().to_fhir(datasets({**rows, "LB": []}))))
    back = study().to_fhir(first.datasets)
    again = study().to_sdtm(list(back))
    collected = {row["USUBJID"] for row in rows["EC"]}
    told = first.datasets["EX"].frame
    assert told.filter(pl.col("USUBJID").is_in(list(collected))).height == back.rows.get("EX", {}).get(
        "derived", 0
    )
    assert again.datasets["EC"].frame.equals(first.datasets["EC"].frame)
    assert again.datasets["EX"].frame.equals(told)


def test_a_result_of_a_subject_not_in_dm_is_refused() -> None:
    """C113: no dangling Patient reference."""
    sent = datasets(
        {
            "DM": [],
            "LB": [
                {
                    "STUDYID": "NCT04324411",
                    "DOMAIN": "LB",
                    "USUBJID": "X-1",
                    "LBSEQ": 1,
                    "LBTESTCD": "HGB",
                    "LBTEST": "Hemoglobin",
                }
            ],
        }
    )
    back = study().to_fhir(sent)
    assert list(back) == []
    assert [(i.rule, i.severity, i.where.usubjid) for i in back.issues] == [("MAP-BACK-001", "error", "X-1")]
    assert back.rows["LB"] == {"rows": 1, "mapped": 0, "quarantined": 1}
