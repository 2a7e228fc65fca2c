//! The protocol's numbers. It uses the same number for different things, so a number belongs to a page of
//! its appendix, not to a [`Fault`]; a row of the table names its page.

use std::collections::BTreeMap;

use crate::error::Fault::{self, *};

/// Faults with their numbers; one that is not listed answers as [`GENERIC`].
pub type Page = &'static [(Fault, i64)];

/// What everything else answers with: the general rows of C.10.1.1, `465 Other`, and 201 for no JSON.
pub const GENERIC: Page = &[(NotJson, 201), (UnknownOperator, 461), (BadParameter, 462), (WrongDevice, 463)];

/// `Other` of C.10.1.1.
const OTHER: i64 = 465;

/// AddPerson and AddPersons (C.10.1.1). 482 is what sibling products answer when the database fails; a
/// picture too large counts as none and one that cannot be decoded as bad base64, as clients expect.
pub const PERSON: Page = &[
    (UnknownOperator, 461),
    (BadParameter, 462),
    (NoCustomizeId, 462),
    (NoUuid, 462),
    (WrongDevice, 463),
    (NoPicture, 464),
    (PictureTooLarge, 464),
    (IdExists, 466),
    (CardExists, 469),
    (RfCardExists, 470),
    (PersonExists, 471),
    (NoFace, 473),
    (BadBase64, 474),
    (BadPicture, 474),
    (UriAddress, 475),
    (UriConnect, 476),
    (UriTooShort, 477),
    (BadFacility, 478),
    (BadCard, 479),
    (StoreFailed, 482),
];

/// EditPerson has numbers of its own: 461, 468, 475, 477, 479 and 480 are known from clients, the others lie
/// in the gaps in the order of C.10.1.1.
pub const EDIT: Page = &[
    (UnknownOperator, 461),
    (BadParameter, 462),
    (NoCustomizeId, 462),
    (NoUuid, 462),
    (WrongDevice, 463),
    (NoPerson, 464),
    (BadBase64, 468),
    (BadPicture, 468),
    (PictureTooLarge, 468),
    (IdExists, 470),
    (CardExists, 473),
    (RfCardExists, 474),
    (PersonExists, 475),
    (NoFace, 477),
    (UriAddress, 478),
    (UriConnect, 479),
    (UriTooShort, 480),
    (BadFacility, 481),
    (BadCard, 482),
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

/// One person of EditPersonsNew (C.10.6.2). 478 is what sibling products answer for a face already enrolled.
pub const BATCH_ITEM: Page = &[
    (NoCustomizeId, 461),
    (NoUuid, 462),
    (UriAddress, 464),
    (UriConnect, 465),
    (UriTooShort, 466),
    (PictureTooLarge, 467),
    (NoFace, 468),
    (BadPicture, 468),
    (BadBase64, 468),
    (Unavailable, 468),
    (StoreFailed, 469),
    (Full, 469),
    (NoPerson, 470),
    (CardExists, 475),
    (BadFacility, 476),
    (BadCard, 477),
    (PersonExists, 478),
    (BadParameter, 479),
    (IdExists, 479),
    (RfCardExists, 480),
    (NoPicture, 481),
];

/// DeletePerson.
pub const DELETE: Page = &[(NoPerson, 464)];

/// Searches: `467 Unkonw SearchID` of the sibling products.
pub const SEARCH: Page = &[(NoPerson, 467), (NothingFound, 467)];

/// Subscribe and Unsubscribe.
pub const SUBSCRIBE: Page = &[(UnknownTopic, 464), (BadNum, 465), (BadTopics, 466)];

/// GetPictureSimilarity, as its twin over MQTT.
pub const SIMILARITY: Page =
    &[(NoPicture, 464), (PictureTooLarge, 464), (BadBase64, 466), (BadPicture, 466), (NoFace, 467)];

/// GetPictureSearch, as its twin over MQTT.
pub const PICTURE_SEARCH: Page = &[
    (NoPicture, 465),
    (PictureTooLarge, 465),
    (NothingFound, 466),
    (NoFace, 467),
    (BadBase64, 468),
    (BadPicture, 468),
];

/// DetectFaceFromPic, as its twin over MQTT.
pub const DETECT: Page = &[(NoPicture, 464), (PictureTooLarge, 464), (BadBase64, 465), (BadPicture, 465)];

/// GetFaceSignature, numbered as GetPictureSimilarity: nothing is known of its own numbers.
pub const SIGNATURE: Page = SIMILARITY;

/// Upgrade, as newer firmware numbers it. From 466 on they say how the download went.
pub const UPGRADE: Page = &[
    (BadPath, 464),
    (NoPackage, 466),
    (BadName, 468),
    (DownloadFailed, 483),
    (PackageTooLarge, 484),
    (PackageLength, 485),
    (UpgradeFailed, 486),
];

/// ManualPushRecords, as newer firmware numbers it.
pub const MANUAL_PUSH: Page =
    &[(BadTimeS, 464), (BadTimeE, 465), (NoSubscription, 466), (NothingFound, 467), (Busy, 468)];

/// The number of `fault` on `page`.
#[must_use]
pub fn code(page: Page, fault: Fault) -> i64 {
    let on = |page: Page| page.iter().find(|(listed, _)| *listed == fault).map(|(_, number)| *number);
    on(page).or_else(|| on(GENERIC)).unwrap_or(OTHER)
}

/// Every number an operator of this page may fail with, each with the meanings it has there.
#[must_use]
pub fn numbers(page: Page) -> BTreeMap<i64, Vec<&'static str>> {
    let mut numbers = BTreeMap::<i64, Vec<&str>>::from([(OTHER, vec!["Other"])]);
    let general = GENERIC.iter().filter(|(fault, _)| !page.iter().any(|(listed, _)| listed == fault));
    for (fault, number) in page.iter().chain(general) {
        let meanings = numbers.entry(*number).or_default();
        if !meanings.contains(&fault.text()) {
            meanings.push(fault.text());
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number and wording of C.10.1.1, C.10.6.1 and C.10.6.2 as the document prints them.
    #[test]
    fn pages_hold_what_the_appendix_prints() {
        for (page, number, fault, wording) in [
            (PERSON, 461, UnknownOperator, Some("Unknow operator")),
            (PERSON, 462, BadParameter, Some("Parameter error")),
            (PERSON, 463, WrongDevice, Some("Unkonw DeviceID")),
            (PERSON, 464, NoPicture, Some("Unkonw picinfo and get picURI error")),
            (PERSON, 466, IdExists, Some("CustomizeID or UUID had existed")),
            (PERSON, 469, CardExists, Some("WG_CardNo already exist")),
            (PERSON, 470, RfCardExists, Some("ID_CardNo already exist")),
            (PERSON, 471, PersonExists, Some("Person already exist")),
            (PERSON, 473, NoFace, Some("Face Undetected")),
            (PERSON, 474, BadBase64, Some("picinfo Base64 decode error")),
            (PERSON, 475, UriAddress, Some("Get URI server ip error")),
            (PERSON, 476, UriConnect, Some("Get picinfo and connect URI IP error")),
            (PERSON, 477, UriTooShort, Some("Get URI pic data too short")),
            (PERSON, 478, BadFacility, Some("Get WGFacilityCode error")),
            (PERSON, 479, BadCard, Some("Get MjCardNo error")),
            (BATCH, 411, UnknownOperator, Some("Unknow operator")),
            (BATCH, 412, BadParameter, Some("Parameter error")),
            (BATCH, 413, WrongDevice, None),
            (BATCH, 414, NoTotal, Some("UnKnown Total")),
            (BATCH, 415, TotalOutOfRange, Some("Total out of range")),
            (BATCH, 416, TotalMismatch, Some("json of data and Total is not equal")),
            (BATCH, 417, NoIdType, Some("UnKnown IdType")),
            (BATCH, 418, BadIdType, Some("IdType error")),
            (BATCH_ITEM, 461, NoCustomizeId, None),
            (BATCH_ITEM, 462, NoUuid, None),
            (BATCH_ITEM, 464, UriAddress, None),
            (BATCH_ITEM, 465, UriConnect, None),
            (BATCH_ITEM, 466, UriTooShort, None),
            (BATCH_ITEM, 467, PictureTooLarge, None),
            (BATCH_ITEM, 468, NoFace, None),
            (BATCH_ITEM, 469, StoreFailed, None),
            (BATCH_ITEM, 475, CardExists, None),
            (BATCH_ITEM, 476, BadFacility, None),
            (BATCH_ITEM, 477, BadCard, None),
            (BATCH_ITEM, 479, BadParameter, None),
            (BATCH_ITEM, 480, RfCardExists, None),
            (BATCH_ITEM, 481, NoPicture, None),
            (EDIT, 468, BadBase64, None),
            (EDIT, 475, PersonExists, None),
            (EDIT, 477, NoFace, None),
            (EDIT, 479, UriConnect, None),
            (EDIT, 480, UriTooShort, None),
            (GENERIC, 201, NotJson, Some("is not json!")),
            (GENERIC, 465, NotAllowed, None),
            (DELETE, 462, BadParameter, None),
            (MANUAL_PUSH, 464, BadTimeS, Some("Unknow TimeS")),
            (MANUAL_PUSH, 465, BadTimeE, Some("Unknow TimeE")),
            (UPGRADE, 464, BadPath, Some("Unkonw Path")),
            (UPGRADE, 466, NoPackage, Some("Can't find upgrade file")),
            (UPGRADE, 468, BadName, Some("Unkonw Name")),
        ] {
            assert_eq!(code(page, fault), number, "{fault:?}");
            if let Some(wording) = wording {
                assert_eq!(fault.text(), wording);
            }
        }
    }

    #[test]
    fn no_page_lists_a_fault_twice() {
        for page in [
            GENERIC,
            PERSON,
            EDIT,
            BATCH,
            BATCH_ITEM,
            DELETE,
            SEARCH,
            SUBSCRIBE,
            SIMILARITY,
            PICTURE_SEARCH,
            DETECT,
            UPGRADE,
            MANUAL_PUSH,
        ] {
            for (at, (fault, _)) in page.iter().enumerate() {
                assert!(!page[..at].iter().any(|(earlier, _)| earlier == fault), "{fault:?}");
            }
        }
    }
}
