//! A person as the wire shows one: in searches (3.19), control records (3.22) and pushes (3.12.4).

use serde_json::{Map, Value, json};

use crate::access::{Card, Person, Validity};
use crate::field::LocalTime;
use crate::settings::{CardMode, Door};

/// What stands where a text is not set; platforms trim it.
const UNSET_TEXT: &str = " ";
/// What stands where no `CustomizeID` is set.
const UNSET_CUSTOM_ID: i64 = -2;

/// Members in the document's order, card numbers as `rules` asks for (3.10.5).
#[must_use]
pub fn person_fields(person: &Person, rules: &Door) -> Map<String, Value> {
    let text = |text: &str| if text.is_empty() { UNSET_TEXT.into() } else { Value::from(text) };
    let (facility, number) = card_fields(person, rules);
    let (begin, end) = person.validity.bounds().unwrap_or((LocalTime::UNSET, LocalTime::UNSET));
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| {
        fields.insert(key.to_owned(), value);
    };
    put("LibID", person.id.0.into());
    put("PersonType", person.list.number().into());
    put("Name", text(&person.name));
    put("Gender", person.gender.into());
    put("Nation", person.nation.into());
    put("CardType", person.document_type.into());
    put("IdCard", text(&person.document_number));
    put("Birthday", person.birthday.map_or_else(|| UNSET_TEXT.into(), |day| json!(day)));
    put("Telnum", text(&person.phone));
    put("Native", text(&person.origin));
    put("Address", text(&person.address));
    put("Notes", text(&person.notes));
    put("MjCardFrom", person.card.number().into());
    put("WGFacilityCode", facility);
    put("MjCardNo", number);
    put("RFIDCard", text(person.rf_card.as_deref().unwrap_or("")));
    put("Tempvalid", person.validity.number().into());
    put("CustomizeID", person.custom_id.map_or(UNSET_CUSTOM_ID, i64::from).into());
    put("PersonUUID", text(person.uuid.as_deref().unwrap_or("")));
    if let Validity::Uses { left } = person.validity {
        put("EffectNumber", left.into());
    }
    put("ValidBegin", json!(begin));
    put("ValidEnd", json!(end));
    for (key, value) in &person.extra {
        put(key, text(value));
    }
    fields
}

/// Facility code and card number under the terminal's protocol: numbers, or hexadecimal texts.
#[must_use]
pub fn card_fields(person: &Person, rules: &Door) -> (Value, Value) {
    let (facility, number) = match person.card.card() {
        Some(card) => Card::parts(card, rules.wiegand),
        None => (None, 0),
    };
    let facility = facility.unwrap_or(0);
    match rules.card_mode {
        CardMode::Decimal => (facility.into(), number.into()),
        CardMode::Hex => {
            let digits = rules.wiegand.number_bits() as usize / 4;
            (format!("{facility:02X}").into(), format!("{number:0digits$X}").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{CardFormat, CardSource};
    use crate::settings::WiegandProtocol;

    #[test]
    fn cards_are_shown_as_protocol_and_mode_ask() {
        let split = Card::new(CardFormat::W34Split, Some(0x9A), 0x01_923B).unwrap();
        for (source, wiegand, card_mode, facility, number) in [
            (CardSource::Manual(split), WiegandProtocol::W34Facility, CardMode::Hex, json!("9A"), json!("01923B")),
            (CardSource::Manual(split), WiegandProtocol::W34Facility, CardMode::Decimal, json!(0x9A), json!(0x01_923B)),
            (CardSource::Manual(split), WiegandProtocol::W34, CardMode::Hex, json!("00"), json!("9A01923B")),
            (CardSource::Manual(split), WiegandProtocol::W26Facility, CardMode::Hex, json!("9A"), json!("923B")),
            (CardSource::Manual(split), WiegandProtocol::W34, CardMode::Decimal, json!(0), json!(0x9A01_923B_u32)),
            (CardSource::Public, WiegandProtocol::W34, CardMode::Decimal, json!(0), json!(0)),
        ] {
            let person = Person { card: source, ..Person::new(LocalTime::UNSET) };
            let rules = Door { wiegand, card_mode, ..Door::default() };
            assert_eq!(card_fields(&person, &rules), (facility, number), "{source:?} {wiegand:?} {card_mode:?}");
        }
    }

    #[test]
    fn what_is_unset_is_shown_as_the_document_does() {
        let fields = person_fields(&Person::new(LocalTime::UNSET), &Door::default());
        for (key, value) in [
            ("IdCard", json!(" ")),
            ("CustomizeID", json!(-2)),
            ("PersonUUID", json!(" ")),
            ("ValidBegin", json!("1970-01-01T08:00:00")),
            ("Tempvalid", json!(0)),
        ] {
            assert_eq!(fields[key], value, "{key}");
        }
        assert!(!fields.contains_key("EffectNumber"));
    }
}
