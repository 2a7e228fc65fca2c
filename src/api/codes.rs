//! The wire's numbers. The document uses the same number for different things on different pages, so a
//! number belongs to a page, not to a [`Fault`].

use crate::error::Fault;
use crate::error::Fault::*;

/// Numbers of faults; what a page does not list is answered as on [`GENERIC`].
pub type Page = &'static [(Fault, i64)];

/// What any operator may answer.
pub const GENERIC: Page =
    &[(NotJson, 201), (UnknownOperator, 461), (BadParameter, 462), (WrongDevice, 463), (NotAllowed, 465)];

/// The number of a fault that no page lists: the document's "Other".
const OTHER: i64 = 465;

/// AddPerson (C.10.1.1); AddPersons reports its items with the same numbers.
pub const PERSON: Page = &[
    (UnknownOperator, 461),
    (BadParameter, 462),
    (WrongDevice, 463),
    (NoPicture, 464),
    (IdExists, 466),
    (CardExists, 469),
    (RfCardExists, 470),
    (PersonExists, 471),
    (NoFace, 473),
    (BadBase64, 474),
    (UriAddress, 475),
    (UriConnect, 476),
    (UriTooShort, 477),
    (BadFacility, 478),
    (BadCard, 479),
    (StoreFailed, 482),
];

/// EditPerson: numbers of its own, as platforms decode them; those in between are our reading.
pub const EDIT: Page = &[
    (UnknownOperator, 461),
    (BadParameter, 462),
    (WrongDevice, 463),
    (NoPerson, 464),
    (NoCustomizeId, 466),
    (NoUuid, 466),
    (BadBase64, 468),
    (CardExists, 469),
    (RfCardExists, 470),
    (PersonExists, 475),
    (IdExists, 475),
    (NoFace, 477),
    (UriAddress, 479),
    (UriConnect, 479),
    (UriTooShort, 480),
    (StoreFailed, 482),
];

/// EditPersonsNew as a whole (C.10.6.1).
pub const BATCH: Page = &[
    (UnknownOperator, 411),
    (BadParameter, 412),
    (WrongDevice, 413),
    (NoTotal, 414),
    (TotalOutOfRange, 415),
    (TotalMismatch, 416),
    (NoIdType, 417),
    (BadIdType, 418),
];

/// One member of EditPersonsNew (C.10.6.2).
pub const BATCH_ITEM: Page = &[
    (NoCustomizeId, 461),
    (NoUuid, 462),
    (UriAddress, 464),
    (UriConnect, 465),
    (UriTooShort, 466),
    (PictureTooLarge, 467),
    (NoFace, 468),
    (BadPicture, 468),
    (StoreFailed, 469),
    (Full, 469),
    (BadParameter, 470),
    (CardExists, 475),
    (BadFacility, 476),
    (BadCard, 477),
    (PersonExists, 478),
    (IdExists, 479),
    (RfCardExists, 480),
    (NoPicture, 481),
];

/// DeletePerson and DeleteAllPerson.
pub const DELETE: Page = &[(NoPerson, 464)];

/// Searches for people and records.
pub const SEARCH: Page = &[(NoPerson, 467), (NothingFound, 467)];

/// Subscribe and Unsubscribe.
pub const SUBSCRIBE: Page = &[(UnknownTopic, 464), (BadNum, 465), (BadTopics, 466)];

/// Operators that take one picture.
pub const PICTURE: Page = &[(NoPicture, 464), (BadBase64, 474), (NoFace, 473), (NothingFound, 466)];

/// The number of `fault` on `page`.
#[must_use]
pub fn number(page: Page, fault: Fault) -> i64 {
    let find = |page: Page| page.iter().find(|(listed, _)| *listed == fault).map(|(_, number)| *number);
    find(page).or_else(|| find(GENERIC)).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the appendix that name a fault this terminal has (C.10.1.1), as the document words them.
    #[test]
    fn the_page_of_add_person_is_the_appendixs() {
        for (code, text) in [
            (461, "Unknow operator"),
            (462, "Parameter error"),
            (463, "Unkonw DeviceID"),
            (464, "Unkonw picinfo and get picURI error"),
            (466, "CustomizeID or UUID had existed"),
            (469, "WG_CardNo already exist"),
            (470, "ID_CardNo already exist"),
            (471, "Person already exist"),
            (473, "Face Undetected"),
            (474, "picinfo Base64 decode error"),
            (475, "Get URI server ip error"),
            (476, "Get picinfo and connect URI IP error"),
            (477, "Get URI pic data too short"),
            (478, "Get WGFacilityCode error"),
            (479, "Get MjCardNo error"),
        ] {
            let fault = PERSON.iter().find(|(_, number)| *number == code).map(|(fault, _)| fault.text());
            assert_eq!(fault, Some(text), "{code}");
        }
    }

    #[test]
    fn the_page_of_batches_is_the_appendixs() {
        for (code, text) in [
            (411, "Unknow operator"),
            (412, "Parameter error"),
            (414, "UnKnown Total"),
            (415, "Total out of range"),
            (416, "json of data and Total is not equal"),
            (417, "UnKnown IdType"),
            (418, "IdType error"),
        ] {
            let fault = BATCH.iter().find(|(_, number)| *number == code).map(|(fault, _)| fault.text());
            assert_eq!(fault, Some(text), "{code}");
        }
    }

    #[test]
    fn a_fault_no_page_lists_is_other() {
        assert_eq!(number(PERSON, Full), OTHER);
        assert_eq!(number(SEARCH, BadParameter), 462);
    }
}
