//! The numbers of answers over MQTT: as over HTTP, the same number means different things in different places, so it
//! belongs to a page. A fault that is not listed answers `465`, or what stands at the end of the page.

use crate::error::Fault::{self, *};

/// Faults with their numbers.
pub type Page = &'static [(Fault, i64)];

/// Commands other than those about people.
pub const GENERAL: Page = &[
    (UnknownOperator, 461),
    (BadParameter, 462),
    (NoPicture, 464),
    (BadBase64, 465),
    (BadPicture, 465),
    (Busy, 410),
    (NoInfo, 414),
    (TooLarge, 460),
];

/// EditPerson.
pub const EDIT: Page = &[
    (NoUuid, 461),
    (NoInfo, 462),
    (BadParameter, 462),
    (BadBase64, 463),
    (BadPicture, 463),
    (NoFace, 464),
    (StoreFailed, 465),
    (Full, 467),
    (UriTooShort, 468),
    (PictureTooLarge, 469),
    (UriAddress, 470),
    (UriConnect, 471),
    (NoPicture, 472),
    (RfCardExists, 473),
    (BadFacility, 474),
    (BadCard, 475),
    (CardExists, 476),
    (PersonExists, 478),
    (Busy, 410),
];

/// One person of EditPersonsNew and AddPersons.
pub const ITEM: Page = &[
    (NoUuid, 461),
    (IdExists, 461),
    (UriAddress, 464),
    (UriConnect, 465),
    (UriTooShort, 466),
    (PictureTooLarge, 467),
    (NoFace, 468),
    (BadPicture, 468),
    (BadBase64, 468),
    (StoreFailed, 470),
    (Full, 474),
    (CardExists, 475),
    (BadFacility, 476),
    (BadCard, 477),
    (PersonExists, 478),
    (BadParameter, 479),
    (RfCardExists, 480),
    (NoPicture, 481),
];

/// A batch as a whole.
pub const BATCH: Page = &[
    (Busy, 410),
    (NoBegin, 412),
    (NoEnd, 413),
    (NoInfo, 414),
    (NoTotal, 415),
    (TotalOutOfRange, 416),
    (TotalMismatch, 417),
    (BadParameter, 418),
];

/// DelPerson and DeleteAllPerson.
pub const DELETE: Page = &[(NoUuid, 461), (NoInfo, 462), (BadParameter, 463), (NoPerson, 464), (Busy, 410)];

/// Searches for people.
pub const QUERY: Page = &[(NoInfo, 462), (NoUuid, 463), (BadParameter, 463), (NoPerson, 464), (NothingFound, 466)];

/// What is not listed.
const OTHER: i64 = 465;

/// The number of a fault on a page.
#[must_use]
pub fn code(page: Page, fault: Fault) -> i64 {
    let on = |page: Page| page.iter().find(|(listed, _)| *listed == fault).map(|(_, number)| *number);
    on(page).or_else(|| on(GENERAL)).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_fault_has_the_number_of_its_page() {
        for (page, fault, number) in [
            (EDIT, NoUuid, 461),
            (EDIT, NoInfo, 462),
            (EDIT, NoPicture, 472),
            (ITEM, NoPicture, 481),
            (ITEM, Full, 474),
            (EDIT, Full, 467),
            (BATCH, TotalMismatch, 417),
            (BATCH, NoInfo, 414),
            (DELETE, NoPerson, 464),
            (QUERY, NothingFound, 466),
            (GENERAL, UnknownOperator, 461),
            (GENERAL, TooLarge, 460),
            (GENERAL, Unavailable, 465),
        ] {
            assert_eq!(code(page, fault), number, "{fault:?}");
        }
    }

    #[test]
    fn no_page_lists_a_fault_twice() {
        for page in [GENERAL, EDIT, ITEM, BATCH, DELETE, QUERY] {
            let listed: std::collections::HashSet<_> = page.iter().map(|(fault, _)| format!("{fault:?}")).collect();
            assert_eq!(listed.len(), page.len(), "{page:?}");
        }
    }
}
