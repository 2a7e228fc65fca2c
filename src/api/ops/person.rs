//! Adding, changing and removing people (3.10, 3.11).
//!
//! One wire struct serves AddPerson, EditPerson and the members of both batches; what a missing field means
//! is decided by the person it is applied to: a new one, or the one that is there.

use std::sync::MutexGuard;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::access::{Card, CardFormat, CardSource, LibId, List, Person, Validity};
use crate::api::wire::{Answer, Fields, passed_over};
use crate::api::{Context, picture};
use crate::bail;
use crate::clock::lock;
use crate::error::{Error, Fault, Result};
use crate::field::{Date, Flag, Int, LocalTime, Text};
use crate::settings::{CardMode, Door};
use crate::vision::Similarity;

type Unsigned = Int<0, 4_294_967_295>;
/// Ids are sent as 0 or a negative number by platforms that give none.
pub type AnyId = Int<{ i64::MIN }, 4_294_967_295>;

/// A person as platforms describe them (3.10).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PersonFields {
    /// Which id the person is known by: 0 `CustomizeID`, 1 `LibID` (editing only), 2 `PersonUUID`.
    #[serde(rename = "IdType", deserialize_with = "super::blank")]
    pub id_type: Option<Int<0, 2>>,
    /// The platform's number of the person, unique; 0 or less is none.
    #[serde(rename = "CustomizeID", deserialize_with = "super::blank")]
    pub custom_id: Option<AnyId>,
    /// The terminal's number of the person.
    #[serde(rename = "LibID", deserialize_with = "super::blank")]
    pub lib_id: Option<AnyId>,
    /// The platform's text id of the person, at most 48 bytes, unique.
    #[serde(rename = "PersonUUID", deserialize_with = "super::blank")]
    pub uuid: Option<Text<48>>,
    /// 0 allow list, on which a new person is, 1 block list.
    #[serde(rename = "PersonType", deserialize_with = "super::blank")]
    pub list: Option<List>,
    /// Name.
    #[serde(rename = "Name")]
    pub name: Option<Text<31>>,
    /// 0 male, as a new person is, 1 female.
    #[serde(rename = "Gender", deserialize_with = "super::blank")]
    pub gender: Option<Int<0, 1>>,
    /// Row of the table of nationalities (appendix D.1); 1 of a new person.
    #[serde(rename = "Nation", deserialize_with = "super::blank")]
    pub nation: Option<Int<1, 57>>,
    /// Kind of document: 0 identity card.
    #[serde(rename = "CardType", deserialize_with = "super::blank")]
    pub document_type: Option<Int<0, 255>>,
    /// Number of the document.
    #[serde(rename = "IdCard")]
    pub document_number: Option<Text<31>>,
    /// Date of birth.
    #[serde(rename = "Birthday", deserialize_with = "super::blank")]
    pub birthday: Option<Date>,
    /// Telephone.
    #[serde(rename = "Telnum")]
    pub phone: Option<Text<31>>,
    /// Place of origin.
    #[serde(rename = "Native")]
    pub origin: Option<Text<31>>,
    /// Address.
    #[serde(rename = "Address")]
    pub address: Option<Text<71>>,
    /// Notes.
    #[serde(rename = "Notes")]
    pub notes: Option<Text<63>>,
    /// Where the Wiegand card comes from: 0 the public card (its number is 1), 1 given out by the terminal, 2 entered, 3 none. A new
    /// person has 2 where `MjCardNo` is given, else 0: the door controller is then sent the public card.
    #[serde(rename = "MjCardFrom", deserialize_with = "super::blank")]
    pub card_from: Option<Int<0, 3>>,
    /// How the card is entered: 0 24 bits, 1 32 bits, 6 facility code and 16 bits, 7 facility code and 24 bits.
    #[serde(rename = "WiegandType", deserialize_with = "super::blank")]
    pub card_format: Option<CardFormat>,
    /// Facility code, a number or text in the way of `CardMode`.
    #[serde(rename = "WGFacilityCode", deserialize_with = "super::blank")]
    pub facility: Option<Value>,
    /// Card number, a number or text in the way of `CardMode`.
    #[serde(rename = "MjCardNo", deserialize_with = "super::blank")]
    pub card_number: Option<Value>,
    /// How the card number is written: 0 decimal, 1 hexadecimal.
    #[serde(rename = "CardMode", deserialize_with = "super::blank")]
    pub card_mode: Option<CardMode>,
    /// How the built-in reader's card is written: 0 decimal, 1 hexadecimal.
    #[serde(rename = "RFCardMode", deserialize_with = "super::blank")]
    pub rf_card_mode: Option<CardMode>,
    /// Card of the built-in reader.
    #[serde(rename = "RFIDCard")]
    pub rf_card: Option<Text<17>>,
    /// 0 valid for ever, as a new person is, 1 between two moments, 2 daily between two times, 3 a number of passages.
    #[serde(rename = "Tempvalid", deserialize_with = "super::blank")]
    pub validity: Option<Int<0, 3>>,
    /// Begin of the validity.
    #[serde(rename = "ValidBegin", deserialize_with = "super::blank")]
    pub valid_begin: Option<Text<63>>,
    /// End of the validity.
    #[serde(rename = "ValidEnd", deserialize_with = "super::blank")]
    pub valid_end: Option<Text<63>>,
    /// Number of passages.
    #[serde(rename = "EffectNumber", deserialize_with = "super::blank")]
    pub uses: Option<Unsigned>,
    /// Whether a face that is already enrolled is refused.
    #[serde(rename = "isCheckSimilarity", deserialize_with = "super::blank")]
    pub check_similarity: Option<Flag>,
    /// Identity card's chip (door stations).
    #[serde(rename = "IdCardId")]
    pub id_card_chip: Option<Text<31>>,
    /// Access card (door stations).
    #[serde(rename = "AccessId")]
    pub access_card: Option<Text<23>>,
    /// Administrator's card (door stations).
    #[serde(rename = "WardenId")]
    pub warden_card: Option<Text<31>>,
    /// Room (door stations).
    #[serde(rename = "RoomNum")]
    pub room: Option<Text<23>>,
    /// Photo, base64, at most 1 MiB.
    #[serde(rename = "picinfo", deserialize_with = "super::blank")]
    pub picture: Option<String>,
    /// Address of the photo; `picinfo` counts before it.
    #[serde(rename = "picURI", deserialize_with = "super::blank")]
    pub picture_uri: Option<Text<1024>>,
    /// `ChannelAuthorityN`, kept as given.
    #[serde(flatten)]
    pub others: Fields,
}

impl PersonFields {
    /// The photo that was given, if any.
    pub fn photo(&self, cx: &Context) -> Result<Option<Vec<u8>>> {
        picture::given(cx, self.picture.as_deref(), self.picture_uri.as_ref().map(Text::as_str))
    }

    /// Whether a photo was given, without looking at it.
    pub const fn has_photo(&self) -> bool {
        self.picture.is_some() || self.picture_uri.is_some()
    }

    /// The `CustomizeID` that was given, if it is one.
    pub fn custom_id(&self) -> Option<u32> {
        self.custom_id.and_then(|id| u32::try_from(id.get()).ok()).filter(|id| *id != 0)
    }

    /// The `PersonUUID` that was given.
    pub fn uuid(&self) -> Result<Option<String>> {
        let Some(uuid) = &self.uuid else { return Ok(None) };
        let uuid = uuid.as_str().trim();
        if uuid.len() > 48 {
            bail!(BadParameter, "PersonUUID: has {} bytes, at most 48 are allowed", uuid.len());
        }
        Ok(Some(uuid.to_owned()).filter(|uuid| !uuid.is_empty()))
    }

    /// From which similarity on another person's face is the same, where that is to be checked.
    pub fn alike(&self, cx: &Context) -> Option<Similarity> {
        #[expect(clippy::cast_precision_loss, reason = "50 to 100")]
        let threshold = cx.settings.now().door.face_threshold.get() as f32;
        self.check_similarity.is_some_and(Flag::on).then(|| Similarity::new(threshold))
    }

    /// The person described, made of `base`: fields that are not given stay as they are there.
    pub fn apply(&self, base: Person) -> Result<Person> {
        let mut person = base;
        if let Some(id) = self.custom_id() {
            person.custom_id = Some(id);
        }
        if let Some(uuid) = self.uuid()? {
            person.uuid = Some(uuid);
        }
        if let Some(list) = self.list {
            person.list = list;
        }
        let byte = |number: i64| u8::try_from(number).unwrap_or_default();
        if let Some(gender) = self.gender {
            person.gender = byte(gender.get());
        }
        if let Some(nation) = self.nation {
            person.nation = byte(nation.get());
        }
        if let Some(kind) = self.document_type {
            person.document_type = byte(kind.get());
        }
        if let Some(day) = self.birthday {
            person.birthday = Some(day);
        }
        set_text(&mut person.name, self.name.as_ref());
        set_text(&mut person.document_number, self.document_number.as_ref());
        set_text(&mut person.phone, self.phone.as_ref());
        set_text(&mut person.origin, self.origin.as_ref());
        set_text(&mut person.address, self.address.as_ref());
        set_text(&mut person.notes, self.notes.as_ref());
        if let Some(card) = &self.rf_card {
            let mode = self.rf_card_mode.unwrap_or(CardMode::Hex);
            (person.rf_card, person.rf_decimal) = (rf_card(card.as_str(), mode)?, mode == CardMode::Decimal);
        }
        person.card = self.card(person.card)?;
        person.validity = self.validity(person.validity)?;
        self.extra(&mut person)?;
        Ok(person)
    }

    /// The card, where any of its fields is given. A card to be given out is chosen later, see [`with_card`].
    fn card(&self, base: CardSource) -> Result<CardSource> {
        let number = self.card_number.as_ref();
        let from = match self.card_from {
            Some(from) => from.get(),
            None if number.is_some_and(|n| !is_zero(n)) => 2,
            // Without a number the other fields of a card say nothing.
            None => return Ok(base),
        };
        match from {
            0 => Ok(CardSource::Public),
            1 => match base {
                CardSource::Automatic(_) => Ok(base),
                _ => Card::new(CardFormat::W34, None, 0).map(CardSource::Automatic),
            },
            3 => Ok(CardSource::None),
            _ => match (number, base) {
                (Some(number), _) => self.entered_card(number).map(CardSource::Manual),
                (None, CardSource::Manual(_)) => Ok(base),
                (None, _) => bail!(BadCard, "MjCardNo: is missing, MjCardFrom is 2"),
            },
        }
    }

    fn entered_card(&self, number: &Value) -> Result<Card> {
        let format = self.card_format.unwrap_or(CardFormat::W34);
        let mode = self.card_mode.unwrap_or(CardMode::Decimal);
        let facility = match self.facility.as_ref().filter(|_| format.is_split()) {
            Some(code) => {
                let code = card_digits(code, mode)
                    .map_err(|why| Error::new(Fault::BadFacility, format!("WGFacilityCode: {why}")))?;
                let code = u8::try_from(code).map_err(|_| {
                    Error::new(Fault::BadFacility, format!("WGFacilityCode: {code} does not fit 8 bits"))
                })?;
                Some(code)
            }
            None => None,
        };
        let number = card_digits(number, mode).map_err(|why| Error::new(Fault::BadCard, format!("MjCardNo: {why}")))?;
        let number = u32::try_from(number)
            .map_err(|_| Error::new(Fault::BadCard, format!("MjCardNo: {number} does not fit 32 bits")))?;
        Card::new(format, facility, number)
    }

    fn validity(&self, base: Validity) -> Result<Validity> {
        let kind = match self.validity {
            Some(kind) => kind.get(),
            None if self.valid_begin.is_some() || self.valid_end.is_some() || self.uses.is_some() => base.number(),
            None => return Ok(base),
        };
        // Platforms fill in what has no meaning for the kind, even with 0000-00-00, so that is not read.
        let moment = |name: &str, given: Option<&Text<63>>, old: Option<LocalTime>| match given {
            Some(text) => {
                LocalTime::parse(text.as_str()).map_err(|e| Error::new(Fault::BadParameter, format!("{name}: {e}")))
            }
            None => {
                old.ok_or_else(|| Error::new(Fault::BadParameter, format!("{name}: is missing, Tempvalid is {kind}")))
            }
        };
        let bounds = || -> Result<(LocalTime, LocalTime)> {
            let old = base.bounds();
            let begin = moment("ValidBegin", self.valid_begin.as_ref(), old.map(|b| b.0))?;
            let end = moment("ValidEnd", self.valid_end.as_ref(), old.map(|b| b.1))?;
            Ok((begin, end))
        };
        match kind {
            0 => Ok(Validity::Permanent),
            1 => match bounds()? {
                (begin, end) if begin > end => bail!(BadParameter, "ValidEnd: {end} lies before ValidBegin {begin}"),
                (begin, end) => Ok(Validity::Window { begin, end }),
            },
            // The times of day may reach over midnight, the days may not run backwards.
            2 => match bounds()? {
                (begin, end) if begin.0.date() > end.0.date() => {
                    bail!(BadParameter, "ValidEnd: {end} lies before ValidBegin {begin}")
                }
                (begin, end) => Ok(Validity::Daily { begin, end }),
            },
            _ => match (self.uses.map(Int::u32), base) {
                (Some(0), _) => bail!(BadParameter, "EffectNumber: at least 1 is needed"),
                (Some(left), _) => Ok(Validity::Uses { left }),
                (None, Validity::Uses { left }) => Ok(Validity::Uses { left }),
                (None, _) => bail!(BadParameter, "EffectNumber: is missing, Tempvalid is 3"),
            },
        }
    }

    fn extra(&self, person: &mut Person) -> Result<()> {
        for (name, value) in &self.others {
            if !name.strip_prefix("ChannelAuthority").is_some_and(|n| n.len() <= 2 && n.parse::<u8>().is_ok()) {
                passed_over(name);
                continue;
            }
            let allowed: Flag = serde_json::from_value(value.clone())
                .map_err(|e| Error::new(Fault::BadParameter, format!("{name}: {e}")))?;
            person.extra.insert(name.clone(), allowed.get().to_string());
        }
        let texts = [
            ("IdCardId", self.id_card_chip.as_ref().map(Text::as_str)),
            ("AccessId", self.access_card.as_ref().map(Text::as_str)),
            ("WardenId", self.warden_card.as_ref().map(Text::as_str)),
            ("RoomNum", self.room.as_ref().map(Text::as_str)),
        ];
        for (name, text) in texts {
            match text.map(str::trim) {
                None => {}
                Some("") => drop(person.extra.remove(name)),
                Some(text) => drop(person.extra.insert(name.into(), text.into())),
            }
        }
        Ok(())
    }
}

/// Sets a text that was given; one of blanks alone is what answers show for an empty one.
fn set_text<const MAX: usize>(text: &mut String, given: Option<&Text<MAX>>) {
    if let Some(given) = given {
        let given = given.as_str();
        *text = if given.trim().is_empty() { String::new() } else { given.to_owned() };
    }
}

fn is_zero(number: &Value) -> bool {
    match number {
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.trim().bytes().all(|byte| byte == b'0'),
        _ => false,
    }
}

/// A card number or facility code: its digits, decimal or hexadecimal. A JSON number under hexadecimal mode
/// is read digit for digit, for platforms that write `"MjCardNo": 1923` where 1923 are hexadecimal digits.
pub fn card_digits(value: &Value, mode: CardMode) -> std::result::Result<u64, String> {
    let (digits, radix, kind) = match value {
        Value::Number(number) if number.is_u64() => (number.to_string(), mode_radix(mode), mode_name(mode)),
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded right here")]
            Some(whole) if mode == CardMode::Decimal && whole.fract() == 0.0 && (0.0..1e15).contains(&whole) => {
                return Ok(whole as u64);
            }
            _ => return Err(format!("{number} is no card number; hexadecimal ones are best sent as text")),
        },
        Value::String(text) => (text.trim().to_owned(), mode_radix(mode), mode_name(mode)),
        _ => return Err("a number or text is needed".into()),
    };
    let plain = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).filter(|_| radix == 16);
    let plain = plain.unwrap_or(&digits);
    let sound = !plain.is_empty() && plain.chars().all(|c| c.is_digit(radix));
    sound
        .then(|| u64::from_str_radix(plain, radix).ok())
        .flatten()
        .ok_or_else(|| format!("{digits:?} is no {kind} number (CardMode {})", mode.number()))
}

const fn mode_radix(mode: CardMode) -> u32 {
    match mode {
        CardMode::Decimal => 10,
        CardMode::Hex => 16,
    }
}

const fn mode_name(mode: CardMode) -> &'static str {
    match mode {
        CardMode::Decimal => "decimal",
        CardMode::Hex => "hexadecimal",
    }
}

/// The digits of a reader's card as they are kept and shown: as entered, decimal or hexadecimal, in upper case and
/// without leading zeros. Empty: none.
pub fn rf_card(text: &str, mode: CardMode) -> Result<Option<String>> {
    let digits = text.trim();
    if digits.is_empty() {
        return Ok(None);
    }
    if !digits.chars().all(|c| c.is_digit(mode_radix(mode))) {
        let (kind, mode) = (mode_name(mode), mode.number());
        bail!(BadParameter, "RFIDCard: {digits:?} is no {kind} number (RFCardMode {mode})");
    }
    let short = digits.trim_start_matches('0');
    Ok(Some(if short.is_empty() { "0".to_owned() } else { short.to_ascii_uppercase() }))
}

/// Refuses ids and cards somebody else bears, before any time is spent on a photo.
pub fn check_free(cx: &Context, person: &Person) -> Result<()> {
    let other = |bearer: Option<std::sync::Arc<Person>>| bearer.map(|p| p.id).filter(|id| *id != person.id);
    if let Some(bearer) = person.custom_id.and_then(|id| other(cx.store.by_custom_id(id))) {
        bail!(IdExists, "CustomizeID: is LibID {bearer}'s");
    }
    if let Some(bearer) = person.uuid.as_deref().and_then(|uuid| other(cx.store.by_uuid(uuid))) {
        bail!(IdExists, "PersonUUID: is LibID {bearer}'s");
    }
    if let CardSource::Manual(card) = person.card
        && let Some(bearer) = other(cx.store.by_card(card.whole()))
    {
        bail!(CardExists, "MjCardNo: is LibID {bearer}'s");
    }
    if let Some(bearer) = person.rf_number().and_then(|number| other(cx.store.by_rf_card(number))) {
        bail!(RfCardExists, "RFIDCard: is LibID {bearer}'s");
    }
    Ok(())
}

/// Gives a person who is to get one a card of the automatic range, laid out for the terminal's Wiegand
/// protocol. The guard is held until the person is stored, so that no other gets the same number.
pub fn with_card<'a>(cx: &'a Context, person: &mut Person, old: CardSource) -> Result<Option<MutexGuard<'a, ()>>> {
    if !matches!(person.card, CardSource::Automatic(_)) || person.card == old {
        return Ok(None);
    }
    let turn = lock(&cx.card_turn);
    person.card = CardSource::Automatic(free_card(cx, &cx.settings.now().door)?);
    Ok(Some(turn))
}

fn free_card(cx: &Context, rules: &Door) -> Result<Card> {
    let format = if rules.wiegand.data_bits() == 24 { CardFormat::W26 } else { CardFormat::W34 };
    let largest = u32::MAX >> (32 - format.number_bits());
    let (first, last) = (rules.auto_card_first.u32(), rules.auto_card_last.u32().min(largest));
    match cx.store.free_card(first, last).filter(|_| first <= last) {
        Some(number) => Card::new(format, None, number),
        None => bail!(BadCard, "MjCardNo: no number is free from AutoMjCardBgnNo {first} to AutoMjCardEndNo {last}"),
    }
}

/// Adds the person described; both batches use it too.
pub fn add_one(cx: &Context, given: &PersonFields) -> Result<LibId> {
    match given.id_type.map(Int::get) {
        Some(0) if given.custom_id().is_none() => bail!(NoCustomizeId, "CustomizeID: is missing, IdType is 0"),
        Some(2) if given.uuid()?.is_none() => bail!(NoUuid, "PersonUUID: is missing, IdType is 2"),
        _ => {}
    }
    let mut person = given.apply(Person::new(cx.now()))?;
    check_free(cx, &person)?;
    if !given.has_photo() {
        bail!(NoPicture, "picinfo: neither picinfo nor picURI is given");
    }
    let photo = given.photo(cx)?.unwrap_or_default();
    let _turn = with_card(cx, &mut person, CardSource::None)?;
    cx.roster.enrol(person, &photo, given.alike(cx)).map_err(name_picture)
}

/// Changes a person as described; `base` makes what the description is laid over out of who is there.
pub fn edit_one(cx: &Context, given: &PersonFields, id: LibId, base: impl Fn(&Person) -> Person) -> Result<()> {
    let Some(known) = cx.store.person(id) else { bail!(NoPerson, "LibID: {id} is gone") };
    let mut planned = given.apply(base(&known))?;
    check_free(cx, &planned)?;
    let photo = given.photo(cx)?;
    let _turn = with_card(cx, &mut planned, known.card)?;
    // Fetching and measuring take their time: what others changed meanwhile stands, and so do spent passages.
    let change = |now: &Person| {
        let mut person = given.apply(base(now))?;
        if matches!(person.card, CardSource::Automatic(_)) {
            person.card = planned.card;
        }
        Ok(person)
    };
    cx.roster.edit(id, photo.as_deref(), given.alike(cx), change).map_err(name_picture)
}

/// What the roster finds wrong with a photo gets the field's name.
pub fn name_picture(error: Error) -> Error {
    let is_about_picture = matches!(error.fault, Fault::NoFace | Fault::BadPicture | Fault::Unavailable);
    if is_about_picture && !error.detail.starts_with("pic") { error.about("picinfo") } else { error }
}

pub fn add(cx: &Context, given: PersonFields) -> Result<Answer> {
    add_one(cx, &given).map(|_| Answer::Done)
}

pub fn edit(cx: &Context, given: PersonFields) -> Result<Answer> {
    let id_type = match given.id_type.map(Int::get) {
        Some(id_type) => id_type,
        // Without it the ids themselves say which is meant.
        None if given.custom_id().is_some() => 0,
        None if given.lib_id.is_some() => 1,
        None if given.uuid()?.is_some() => 2,
        None => bail!(BadParameter, "IdType: is missing, and so is every id"),
    };
    let base = find(cx, id_type, &given)?;
    edit_one(cx, &given, base.id, Person::clone)?;
    Ok(Answer::Done)
}

fn find(cx: &Context, id_type: i64, given: &PersonFields) -> Result<std::sync::Arc<Person>> {
    let (name, found) = match id_type {
        0 => {
            let Some(id) = given.custom_id() else { bail!(NoCustomizeId, "CustomizeID: is missing, IdType is 0") };
            ("CustomizeID", cx.store.by_custom_id(id))
        }
        1 => {
            let Some(id) = given.lib_id else { bail!(BadParameter, "LibID: is missing, IdType is 1") };
            ("LibID", u32::try_from(id.get()).ok().and_then(|id| cx.store.person(LibId(id))))
        }
        _ => {
            let Some(uuid) = given.uuid()? else { bail!(NoUuid, "PersonUUID: is missing, IdType is 2") };
            ("PersonUUID", cx.store.by_uuid(&uuid))
        }
    };
    found.ok_or_else(|| Error::new(Fault::NoPerson, format!("{name}: nobody bears it")))
}

/// Removes people by id.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct DeletePerson {
    /// Which id: 0 `CustomizeID`, 1 `LibID`, 2 `PersonUUID`; without it the ids that are given say so.
    #[serde(rename = "IdType", default, deserialize_with = "super::blank")]
    pub id_type: Option<Int<0, 2>>,
    /// How many; the list itself counts, whatever stands here.
    #[serde(rename = "TotalNum", default)]
    #[expect(dead_code, reason = "the document's own example has a letter here")]
    pub total: Option<Value>,
    /// One number or a list of them.
    #[serde(rename = "CustomizeID", default, deserialize_with = "super::blank")]
    pub custom_ids: Option<Value>,
    /// One number or a list of them.
    #[serde(rename = "LibID", default, deserialize_with = "super::blank")]
    pub lib_ids: Option<Value>,
    /// One text or a list of them.
    #[serde(rename = "PersonUUID", default, deserialize_with = "super::blank")]
    pub uuids: Option<Value>,
}

/// Most people one request removes (3.11.1).
const MAX_DELETED: usize = 256;

pub fn delete(cx: &Context, request: DeletePerson) -> Result<Answer> {
    let DeletePerson { id_type, custom_ids, lib_ids, uuids, .. } = request;
    let (name, ids) = match (id_type.map(Int::get), custom_ids, lib_ids, uuids) {
        (Some(0), ids, ..) | (None, ids @ Some(_), ..) => ("CustomizeID", ids),
        (Some(1), _, ids, _) | (None, None, ids @ Some(_), _) => ("LibID", ids),
        (_, _, _, ids) => ("PersonUUID", ids),
    };
    let ids = match ids {
        Some(Value::Array(ids)) => ids,
        Some(id) => vec![id],
        None if id_type.is_none() => bail!(BadParameter, "IdType: is missing, and so is every id"),
        None => bail!(BadParameter, "{name}: is missing"),
    };
    if ids.is_empty() || ids.len() > MAX_DELETED {
        bail!(BadParameter, "{name}: {} ids, 1 to {MAX_DELETED} are allowed", ids.len());
    }
    let mut found = Vec::new();
    for (at, id) in ids.into_iter().enumerate() {
        let wrong = |e: serde_json::Error| Error::new(Fault::BadParameter, format!("{name}[{at}]: {e}"));
        let person = if name == "PersonUUID" {
            let uuid: Text<63> = serde_json::from_value(id).map_err(wrong)?;
            cx.store.by_uuid(uuid.as_str().trim())
        } else {
            let id: Unsigned = serde_json::from_value(id).map_err(wrong)?;
            if name == "LibID" { cx.store.person(LibId(id.u32())) } else { cx.store.by_custom_id(id.u32()) }
        };
        found.extend(person.map(|p| p.id));
    }
    if found.is_empty() || cx.roster.remove(&found)?.is_empty() {
        bail!(NoPerson, "{name}: nobody bears any of them");
    }
    Ok(Answer::Done)
}

/// Removes everybody.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["DeleteAllPersonCheck"]))]
pub struct DeleteAllPerson {
    /// Must be 1, as a number or a list of one.
    #[serde(rename = "DeleteAllPersonCheck", default)]
    pub check: Value,
}

pub fn delete_all(cx: &Context, request: DeleteAllPerson) -> Result<Answer> {
    let check = match &request.check {
        Value::Array(list) if list.len() == 1 => &list[0],
        other => other,
    };
    let check = serde_json::from_value::<Int<1, 1>>(check.clone());
    if check.is_err() {
        bail!(BadParameter, "DeleteAllPersonCheck: must be 1");
    }
    cx.roster.remove_all()?;
    // The document has the terminal restart after this; the people are gone whether or not it does.
    if let Err(error) = cx.host.reboot() {
        tracing::error!(%error, "cannot restart after everybody was removed");
    }
    Ok(Answer::Done)
}
