//! What newer software has written and this one has to read, for whoever goes back from an upgrade.

use serde_json::{Value, json};

use super::*;
use crate::access::ControlRecord;
use crate::access::record::VerifyStatus;
use crate::settings::{Keeper, Live};
use crate::store::db::Change;
use crate::store::format::FORMAT;

/// The same with a member more, at the top and one level down.
fn newer(row: &impl serde::Serialize) -> Vec<u8> {
    let mut value = serde_json::to_value(row).unwrap();
    let more = json!({ "kind": "canary", "depth": [1, 2, 3] });
    for nested in value.as_object_mut().unwrap().values_mut().filter_map(Value::as_object_mut) {
        nested.insert("added_later".into(), more.clone());
    }
    value.as_object_mut().unwrap().insert("added_later".into(), more);
    value.to_string().into_bytes()
}

#[test]
fn members_that_newer_software_has_added_are_passed_over() {
    let mut rig = Rig::new();
    rig.add(person(7), Some(registered(7, 0))).unwrap();
    let time = LocalTime::parse("2026-03-12T09:00:00").unwrap();
    rig.append_control(ControlRecord::new(time, VerifyStatus::Allowed, 1), None, true);
    rig.flush().unwrap();

    let mut change = Change::default();
    let row = read(&rig.core.book).row(LibId(1)).unwrap().clone();
    change.put(Tree::People, &1_u32.to_be_bytes(), &newer(&row));
    let mark = read(&rig.core.ledger).records.of(Kind::Control).oldest(1)[0];
    let Event::Control(record) = rig.next_event(0, None).unwrap().unwrap().event else { panic!("a control record") };
    change.put(Tree::Controls, &mark.key(), &newer(&record));
    rig.core.db.commit(&change).unwrap();
    let groups = serde_json::to_value(crate::settings::Door::default()).unwrap();
    rig.save(&[("door", newer(&groups)), ("gate", b"{\"wings\":2}".to_vec())]).unwrap();

    rig.reopen();
    assert_eq!(rig.person(LibId(1)).unwrap().name, "name 7");
    assert_eq!(rig.photo(LibId(1)).unwrap(), Some(registered(7, 0).jpeg));
    let Event::Control(record) = rig.next_event(0, None).unwrap().unwrap().event else { panic!("a control record") };
    assert_eq!(record.time, time);
    let store = Arc::new(rig.store.take().unwrap());
    let read = serde_json::to_value(&Live::load(store.clone()).unwrap().now().door).unwrap();
    assert_eq!(read, groups);
    assert!(store.load("gate").unwrap().is_some(), "what is not known stays");
}

#[test]
fn data_of_another_layout_are_refused_and_left_alone() {
    let mut rig = Rig::new();
    assert_eq!(format_of(rig.dir.path()), Some(FORMAT));
    rig.store = None;
    let file = rig.dir.path().join("format");
    for (text, refused) in
        [(format!("{}\n", FORMAT + 1), true), (FORMAT.to_string(), false), ("nonsense".into(), false)]
    {
        std::fs::write(&file, &text).unwrap();
        match open(rig.dir.path(), LIMITS) {
            Err(error) => assert!(refused && error.detail.contains("install the software that wrote them"), "{error}"),
            Ok(_) => assert!(!refused, "{text}"),
        }
        assert_eq!(format_of(rig.dir.path()), Some(if refused { FORMAT + 1 } else { FORMAT }), "{text}");
    }
}

#[test]
fn an_older_layout_stays_until_the_release_has_proved_itself() {
    let mut rig = Rig::new();
    std::fs::write(rig.dir.path().join("format"), "1\n").unwrap();
    rig.reopen();
    assert_eq!(format_of(rig.dir.path()), Some(1), "on trial");
    rig.settle_format().unwrap();
    assert_eq!(format_of(rig.dir.path()), Some(FORMAT));
}

#[test]
fn a_database_of_newer_software_that_was_given_up_is_made_anew() {
    let mut rig = Rig::new();
    rig.add(person(7), None).unwrap();
    rig.flush().unwrap();
    rig.store = None;
    let sled = db(rig.dir.path());
    sled.open_tree("meta").unwrap().insert("format", (FORMAT + 1).to_string().as_bytes()).unwrap();
    sled.flush().unwrap();
    drop(sled);
    rig.reopen();
    assert_eq!(rig.person(LibId(1)).unwrap().name, "name 7");
}
