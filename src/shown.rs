//! What answers and pushes show alike: people, measurements, pictures (3.12.4, 3.19, 3.22).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::access::{Person, Reading};
use crate::field::LocalTime;
use crate::settings::{CardMode, Door};

/// Platforms strip exactly this.
const PREFIX: &str = "data:image/jpeg;base64,";
/// What the document shows for a text nobody gave; clients trim it.
const UNSET: &str = " ";
/// What the document shows for a `CustomizeID` nobody gave.
pub const NO_CUSTOM_ID: i64 = -2;

/// The fields of a person in the document's order, from `PersonType` to `ValidEnd`; `LibID` (or `PersonID`)
/// is the caller's, because its name and meaning differ. Card numbers are shown as `rules` say (3.10.5).
#[must_use]
pub fn person_fields(person: &Person, rules: &Door) -> Map<String, Value> {
    let text = |text: &str| Value::from(if text.is_empty() { UNSET } else { text });
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        fields.insert(name.into(), value);
    };
    put("PersonType", person.list.number().into());
    put("Name", text(&person.name));
    put("Gender", person.gender.into());
    put("Nation", person.nation.into());
    put("CardType", person.document_type.into());
    put("IdCard", text(&person.document_number));
    put("Birthday", text(&person.birthday.map(|day| day.to_string()).unwrap_or_default()));
    put("Telnum", text(&person.phone));
    put("Native", text(&person.origin));
    put("Address", text(&person.address));
    put("Notes", text(&person.notes));
    put("MjCardFrom", person.card.number().into());
    let (facility, number) = card(person, rules);
    put("WGFacilityCode", facility);
    put("MjCardNo", number);
    put("RFIDCard", text(person.rf_card.as_deref().unwrap_or_default()));
    put("Tempvalid", person.validity.number().into());
    if let crate::access::Validity::Uses { left } = person.validity {
        put("EffectNumber", left.into());
    }
    put("CustomizeID", person.custom_id.map_or(NO_CUSTOM_ID, i64::from).into());
    put("PersonUUID", text(person.uuid.as_deref().unwrap_or_default()));
    let (begin, end) = person.validity.bounds().unwrap_or((LocalTime::UNSET, LocalTime::UNSET));
    put("ValidBegin", begin.to_string().into());
    put("ValidEnd", end.to_string().into());
    fields
}

/// Facility code and number: JSON numbers in decimal mode, in hexadecimal mode texts of as many digits as the
/// terminal's Wiegand protocol has bits. Without a card both are 0; so is the code where the protocol has none.
fn card(person: &Person, rules: &Door) -> (Value, Value) {
    let protocol = rules.wiegand;
    let (facility, number) = person.card.card().map_or((None, 0), |card| card.parts(protocol));
    let facility = facility.unwrap_or(0);
    let width = protocol.number_bits() as usize / 4;
    match rules.card_mode {
        CardMode::Decimal => (facility.into(), number.into()),
        CardMode::Hex => (format!("{facility:02X}").into(), format!("{number:0width$X}").into()),
    }
}

/// `Temperature` and `TemperatureAlarm` of a record or a push, where a temperature was measured.
pub fn measured(temperature: Option<Reading>) -> Map<String, Value> {
    let mut fields = Map::new();
    if let Some(Reading { celsius, high }) = temperature {
        fields.insert("Temperature".into(), ((celsius * 100.0).round() / 100.0).into());
        fields.insert("TemperatureAlarm".into(), u8::from(high).into());
    }
    fields
}

/// A similarity as the document prints it, with one decimal.
#[must_use]
pub fn rounded(similarity: f32) -> f64 {
    (f64::from(similarity) * 10.0).round() / 10.0
}

/// A JPEG file, base64.
#[must_use]
pub fn picture(jpeg: &[u8]) -> String {
    let mut text = String::with_capacity(PREFIX.len() + jpeg.len().div_ceil(3) * 4);
    text.push_str(PREFIX);
    STANDARD.encode_string(jpeg, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Card, CardFormat, CardSource, Validity};
    use crate::settings::WiegandProtocol::{self, *};
    use serde_json::json;

    #[test]
    fn an_unset_person_looks_like_the_document_s_example() {
        let person = Person { name: "test".into(), ..Person::new(LocalTime::UNSET) };
        let expect = json!({
            "PersonType": 0, "Name": "test", "Gender": 0, "Nation": 1, "CardType": 0, "IdCard": " ", "Birthday": " ",
            "Telnum": " ", "Native": " ", "Address": " ", "Notes": " ", "MjCardFrom": 0, "WGFacilityCode": 0, "MjCardNo": 0,
            "RFIDCard": " ", "Tempvalid": 0, "CustomizeID": -2, "PersonUUID": " ",
            "ValidBegin": "1970-01-01T08:00:00", "ValidEnd": "1970-01-01T08:00:00",
        });
        let fields = person_fields(&person, &Door::default());
        assert_eq!(fields.keys().collect::<Vec<_>>(), expect.as_object().unwrap().keys().collect::<Vec<_>>());
        assert_eq!(Value::Object(fields), expect);
    }

    #[test]
    fn cards_are_shown_as_the_terminal_is_set() {
        let split = CardSource::Manual(Card::new(CardFormat::W34Split, Some(0x9A), 0x01_923B).unwrap());
        let whole = CardSource::Manual(Card::new(CardFormat::W34, None, 1_046_239).unwrap());
        let rows: [(CardSource, WiegandProtocol, CardMode, Value); 9] = [
            (split, W34Facility, CardMode::Hex, json!(["9A", "01923B"])),
            (split, W34FacilitySplit, CardMode::Decimal, json!([0x9A, 0x01_923B])),
            (split, W34, CardMode::Hex, json!(["00", "9A01923B"])),
            (split, W26Facility, CardMode::Hex, json!(["9A", "923B"])),
            (whole, W34, CardMode::Decimal, json!([0, 1_046_239])),
            (whole, W34, CardMode::Hex, json!(["00", "000FF6DF"])),
            (whole, W26, CardMode::Hex, json!(["00", "0FF6DF"])),
            (CardSource::Public, W34, CardMode::Hex, json!(["00", "00000000"])),
            (CardSource::None, W26Facility, CardMode::Decimal, json!([0, 0])),
        ];
        for (card, wiegand, card_mode, expect) in rows {
            let person = Person { card, ..Person::new(LocalTime::UNSET) };
            let fields = person_fields(&person, &Door { wiegand, card_mode, ..Door::default() });
            let shown = json!([fields.get("WGFacilityCode"), fields["MjCardNo"]]);
            assert_eq!(shown, expect, "{card:?} {wiegand:?} {card_mode:?}");
        }
    }

    #[test]
    fn temporary_lists_show_what_they_have() {
        let at = |text| LocalTime::parse(text).unwrap();
        let (begin, end) = (at("2018-03-12T09:09:20"), at("2018-03-14T09:09:20"));
        for (validity, kind, uses, first) in [
            (Validity::Window { begin, end }, 1, None, "2018-03-12T09:09:20"),
            (Validity::Daily { begin, end }, 2, None, "2018-03-12T09:09:20"),
            (Validity::Uses { left: 5 }, 3, Some(5), "1970-01-01T08:00:00"),
        ] {
            let fields = person_fields(&Person { validity, ..Person::new(begin) }, &Door::default());
            assert_eq!(fields["Tempvalid"], kind);
            assert_eq!(fields.get("EffectNumber").and_then(Value::as_u64), uses);
            assert_eq!(fields["ValidBegin"], first);
        }
    }
}
