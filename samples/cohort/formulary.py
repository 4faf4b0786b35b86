"""The drugs of the hospital and the orders for them: Medication and MedicationRequest."""

from cohort.course import Person
from cohort.hospital import ATC, DRUG, HL7, SNOMED, UCUM, coding, concept, meta, quantity, reference
from cohort.ndjson import Resource, number

ORAL = concept("口服", coding(SNOMED, "26643006", "Oral route"))
INTRAVENOUS = concept("静脉滴注", coding(SNOMED, "47625008", "Intravenous route"))


def _strength(amount: str, per: str, ucum: str) -> Resource:
    return {
        "numerator": quantity(amount, "mg", "mg"),
        "denominator": {"value": number("1"), "unit": per, "system": UCUM, "code": ucum},
    }


def medications() -> list[Resource]:
    """Tablets of sirolimus and capsules of tretinoin, each with its form, strength and one lot."""
    sirolimus = concept(
        "西罗莫司片", coding(DRUG, "YP10231", "西罗莫司片 1mg"), coding(ATC, "L04AA10", "Sirolimus")
    )
    tretinoin = concept(
        "维A酸胶囊", coding(DRUG, "YP20118", "维A酸胶囊 10mg"), coding(ATC, "L01XF01", "Tretinoin")
    )
    tablet = concept("片剂", coding(SNOMED, "385055001", "Tablet"))
    capsule = concept("软胶囊")
    return [
        _medication("med-sirolimus", sirolimus, tablet, _strength("1", "片", "{tbl}"), "SR200301"),
        _medication("med-tretinoin", tretinoin, capsule, _strength("10", "粒", "{capsule}"), "TR200115"),
    ]


def _medication(key: str, code: Resource, form: Resource, strength: Resource, lot: str) -> Resource:
    return {
        "resourceType": "Medication",
        "id": key,
        "meta": meta("2020-04-01T09:00:00+08:00"),
        "code": code,
        "status": "active",
        "form": form,
        "ingredient": [
            {"itemCodeableConcept": concept(code["text"]), "isActive": True, "strength": strength}
        ],
        "batch": {"lotNumber": lot},
    }


def requests(person: Person) -> list[Resource]:
    """Standing orders of a dosed person: sirolimus once a day by code, tretinoin 2 x 10 mg twice a day."""
    once = {"code": concept("", coding(f"{HL7}/v3-GTSAbbreviation", "QD"))}
    twice = {"repeat": {"frequency": 2, "period": number("1"), "periodUnit": "d"}}
    return [
        _request(person, "sirolimus", once, quantity("2", "mg", "mg"), "每日一次，按血药浓度调整"),
        _request(person, "tretinoin", twice, quantity("2", "粒", "{capsule}"), "20mg 每日2次"),
    ]


def _request(person: Person, drug: str, timing: Resource, dose: Resource, text: str) -> Resource:
    instruction = {"text": text, "timing": timing, "route": ORAL, "doseAndRate": [{"doseQuantity": dose}]}
    return {
        "resourceType": "MedicationRequest",
        "id": f"RX-{person.number}-{drug}",
        "meta": meta(f"{person.first_dose}T08:00:00+08:00"),
        "status": "active" if person.status == "on-study" else "completed",
        "intent": "order",
        "medicationReference": reference("Medication", f"med-{drug}"),
        "subject": reference("Patient", person.patient),
        "authoredOn": f"{person.first_dose}T08:00:00+08:00",
        "dosageInstruction": [instruction],
    }


def taken_before(person: Person) -> list[Resource]:
    """Earlier treatment of the disease as the patient tells it: prednisone, and tacrolimus or ciclosporin."""
    second = ("他克莫司", "L04AD02") if person.disease == "prca" else ("环孢素软胶囊", "L04AD01")
    year = person.day_one.year - 1
    return [
        _statement(person, "1", concept("醋酸泼尼松片", coding(ATC, "H02AB07")), f"{year}-02", "无效"),
        _statement(
            person, "2", concept(second[0], coding(ATC, second[1])), f"{year}-08", "肾功能损害，不耐受"
        ),
    ]


def _statement(person: Person, key: str, drug: Resource, start: str, reason: str) -> Resource:
    end = f"{person.day_one.year}-01"
    return {
        "resourceType": "MedicationStatement",
        "id": f"MS-{person.number}-{key}",
        "status": "stopped",
        "statusReason": [concept(reason)],
        "medicationCodeableConcept": drug,
        "subject": reference("Patient", person.patient),
        "effectivePeriod": {"start": start, "end": end},
        "dosage": [{"text": "口服，剂量递减"}],
    }
