use super::*;
use crate::access::{Card, CardFormat, CardSource, ControlRecord, List, Validity, VerifyStatus};
use crate::field::Date;

fn card(number: u32) -> CardSource {
    CardSource::Manual(Card::new(CardFormat::W34, None, number).unwrap())
}

#[test]
fn nobody_bears_what_is_anothers() {
    let rig = Rig::new();
    let first = Person { uuid: Some("u1".into()), card: card(7), rf_card: Some("AB".into()), ..person(1) };
    let id = rig.add(first.clone(), None).unwrap();
    let two = rig.add(person(2), None).unwrap();
    assert_eq!((id, two), (LibId(1), LibId(2)));
    // 0x0000_0007 entered as facility code 0 and number 7 is the same card.
    let split = CardSource::Manual(Card::new(CardFormat::W34Split, Some(0), 7).unwrap());
    for (other, fault, field) in [
        (person(1), Fault::IdExists, "CustomizeID"),
        (Person { uuid: Some("u1".into()), ..person(9) }, Fault::IdExists, "PersonUUID"),
        (Person { card: card(7), ..person(9) }, Fault::CardExists, "MjCardNo"),
        (Person { card: split, ..person(9) }, Fault::CardExists, "MjCardNo"),
        (Person { rf_card: Some("AB".into()), ..person(9) }, Fault::RfCardExists, "RFIDCard"),
        (Person { rf_card: Some("171".into()), rf_decimal: true, ..person(9) }, Fault::RfCardExists, "RFIDCard"),
    ] {
        for error in [
            rig.add(other.clone(), Some(registered(9, 0))).unwrap_err(),
            rig.update(Person { id: two, ..other }, Some(registered(9, 0))).unwrap_err(),
        ] {
            assert_eq!(error.fault, fault);
            assert!(error.detail.contains(field) && error.detail.contains("LibID 1"), "{error}");
        }
    }
    assert_eq!(rig.files("photos"), [] as [PathBuf; 0]);
    assert_eq!(rig.count(), 2);
    rig.update(Person { id, name: "new".into(), ..first.clone() }, None).unwrap();
    assert_eq!(rig.by_uuid("u1").unwrap().name, "new");
    // What a person gives up is free again.
    rig.update(Person { id, ..person(11) }, None).unwrap();
    assert!(rig.by_uuid("u1").is_none() && rig.by_card(7).is_none() && rig.by_rf_card(0xAB).is_none());
    rig.add(first, None).unwrap();
    assert_eq!(rig.by_card(7).unwrap().id, LibId(3));
    assert_eq!(rig.by_custom_id(11).unwrap().id, id);
    assert_eq!(rig.update(Person { id: LibId(99), ..person(99) }, None).unwrap_err().fault, Fault::NoPerson);
}

#[test]
fn of_many_with_one_number_one_is_added() {
    let rig = Rig::new();
    std::thread::scope(|scope| {
        let adding: Vec<_> = (0..8)
            .map(|version| (version, &*rig))
            .map(|(v, store)| scope.spawn(move || store.add(person(1), Some(registered(1, v)))))
            .collect();
        let added = adding.into_iter().map(|add| add.join().unwrap()).filter(Result::is_ok).count();
        assert_eq!(added, 1);
    });
    assert_eq!((rig.count(), rig.files("photos").len()), (1, 1));
}

#[test]
fn empty_texts_never_collide() {
    let rig = Rig::new();
    for custom_id in 1..4 {
        let empty = Some(String::new());
        rig.add(Person { uuid: empty.clone(), rf_card: empty, ..person(custom_id) }, None).unwrap();
    }
    assert!(rig.by_uuid("").is_none());
}

#[test]
fn the_store_has_an_end() {
    let rig = Rig::with(Limits { people: 1, ..LIMITS });
    rig.add(person(1), None).unwrap();
    assert_eq!(rig.add(person(2), Some(registered(2, 0))).unwrap_err().fault, Fault::Full);
    assert_eq!(rig.files("photos"), [] as [PathBuf; 0]);
}

#[test]
fn free_cards_are_the_lowest() {
    let rig = Rig::new();
    for number in [10, 11, 13] {
        rig.add(Person { card: card(number), ..person(number) }, None).unwrap();
    }
    assert_eq!(rig.free_card(10, 20), Some(12));
    assert_eq!(rig.free_card(10, 11), None);
    assert_eq!(rig.free_card(u32::MAX, u32::MAX), Some(u32::MAX));
}

#[test]
fn people_survive_whole_and_edits_leave_nothing_behind() {
    let mut rig = Rig::new();
    let one = rig.add(person(1), Some(registered(1, 0))).unwrap();
    let two = rig.add(person(2), None).unwrap();
    let three = rig.add(person(3), Some(registered(3, 0))).unwrap();
    rig.update(Person { id: one, name: "edited".into(), ..person(1) }, Some(registered(1, 1))).unwrap();
    rig.update(Person { id: three, name: "kept photo".into(), ..person(3) }, None).unwrap();
    assert_eq!(rig.files("photos").len(), 2);
    for _ in 0..2 {
        assert_eq!(rig.people().iter().map(|p| p.id).collect::<Vec<_>>(), [one, two, three]);
        assert_eq!(*rig.person(one).unwrap(), Person { id: one, name: "edited".into(), ..person(1) });
        assert_eq!(rig.person(three).unwrap().name, "kept photo");
        assert_eq!(rig.photo(one).unwrap(), Some(registered(1, 1).jpeg));
        assert_eq!(rig.photo(two).unwrap(), None);
        assert_eq!(rig.photo(three).unwrap(), Some(registered(3, 0).jpeg));
        assert_eq!(embeddings(&rig), [(one, embedding(1, 1)), (three, embedding(3, 0))].into());
        rig.reopen();
    }
    rig.embeddings("another pack", &mut |id, _| panic!("{id} is of {PACK}")).unwrap();
}

#[test]
fn numbers_are_never_used_twice() {
    let mut rig = Rig::new();
    for custom_id in 1..=3 {
        rig.add(person(custom_id), None).unwrap();
    }
    assert_eq!(rig.remove(&[LibId(3), LibId(3), LibId(8)]).unwrap(), [LibId(3)]);
    rig.reopen();
    assert_eq!(rig.add(person(3), None).unwrap(), LibId(4));
    rig.remove_all().unwrap();
    rig.reopen();
    assert_eq!(rig.add(person(3), None).unwrap(), LibId(5));
    rig.reopen();
    assert_eq!(rig.by_custom_id(3).unwrap().id, LibId(5));
}

fn record(of: Option<Arc<Person>>) -> ControlRecord {
    ControlRecord { person: of, similarity: 88.5, ..ControlRecord::new(LocalTime::UNSET, VerifyStatus::Allowed, 1) }
}

fn picture() -> Option<Picture> {
    Some(Picture { frame: Arc::new(image::RgbImage::new(64, 64)), crop: (0, 0, 32, 32) })
}

fn everything() -> Range {
    let at = |text| LocalTime::parse(text).unwrap();
    Range {
        begin: at("0001-01-01T00:00:00"),
        end: at("9999-12-31T23:59:59"),
        descending: false,
        skip: 0,
        limit: usize::MAX,
    }
}

#[test]
fn records_go_with_their_person() {
    let mut rig = Rig::new();
    let ids: Vec<_> = (1..=3).map(|n| rig.add(person(n), Some(registered(n, 0))).unwrap()).collect();
    for _ in 0..20 {
        for id in &ids {
            rig.append_control(record(rig.person(*id)), picture(), true);
        }
        rig.append_control(record(None), picture(), true);
        rig.flush().unwrap();
    }
    assert_eq!(rig.files("snaps").len(), 80);
    let late = record(rig.person(ids[1]));
    assert_eq!(rig.remove(&[ids[1]]).unwrap(), [ids[1]]);
    // Decided before, written after.
    rig.append_control(late, picture(), true);
    rig.flush().unwrap();
    for _ in 0..2 {
        assert_eq!(rig.files("snaps").len(), 60);
        assert_eq!(rig.files("photos").len(), 2);
        let left = rig.control_records(everything(), None, None).unwrap();
        assert_eq!(left.len(), 60);
        assert!(left.iter().all(|r| r.person.as_ref().is_none_or(|p| p.id != ids[1])));
        assert!(rig.control_records(everything(), Some(ids[1]), None).unwrap().is_empty());
        let mut seq = 0;
        let mut events = 0;
        while let Some(next) = rig.next_event(seq, None).unwrap() {
            seq = next.seq;
            events += 1;
        }
        assert_eq!(events, 60);
        rig.reopen();
    }
    rig.remove_all().unwrap();
    for _ in 0..2 {
        assert_eq!((rig.count(), embeddings(&rig).len()), (0, 0));
        assert!(rig.control_records(everything(), None, None).unwrap().is_empty());
        assert_eq!((rig.files("snaps").len(), rig.files("photos").len()), (0, 0));
        assert!(rig.next_event(0, None).unwrap().is_none());
        assert_eq!(rig.last_seq(), 80);
        rig.reopen();
    }
}

#[test]
fn uses_are_spent_for_good() {
    let mut rig = Rig::new();
    let id = rig.add(Person { validity: Validity::Uses { left: 2 }, ..person(1) }, Some(registered(1, 0))).unwrap();
    rig.spend_use(id);
    assert_eq!(rig.person(id).unwrap().validity, Validity::Uses { left: 1 });
    rig.reopen();
    assert_eq!(rig.person(id).unwrap().validity, Validity::Uses { left: 1 });
    assert_eq!(rig.photo(id).unwrap(), Some(registered(1, 0).jpeg));
    for _ in 0..3 {
        rig.spend_use(id);
    }
    rig.spend_use(LibId(77));
    rig.reopen();
    assert_eq!(rig.person(id).unwrap().validity, Validity::Uses { left: 0 });
}

#[test]
fn what_no_row_speaks_of_is_swept_away() {
    let mut rig = Rig::new();
    let id = rig.add(person(1), Some(registered(1, 0))).unwrap();
    rig.reopen_after(|dir| {
        for name in ["photos/0/17.jpg", "photos/0/0.tmp", "photos/9/9000.jpg", "snaps/control/3/3000.jpg"] {
            std::fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
            std::fs::write(dir.join(name), "x").unwrap();
        }
    });
    assert_eq!((rig.files("photos").len(), rig.files("snaps").len()), (1, 0));
    rig.reopen();
    assert!(!rig.dir.path().join("photos/9").exists());
    assert_eq!(rig.photo(id).unwrap(), Some(registered(1, 0).jpeg));
}

#[test]
fn damaged_rows_are_made_anew() {
    let mut rig = Rig::new();
    let ids: Vec<_> = (1..=3).map(|n| rig.add(person(n), Some(registered(n, 0))).unwrap()).collect();
    for id in &ids {
        rig.append_control(record(rig.person(*id)), None, true);
    }
    rig.flush().unwrap();
    type Harm = fn(&sled::Db, LibId);
    let harms: [Harm; 6] = [
        |db, id| drop(db.open_tree("people-0").unwrap().insert(id.0.to_be_bytes(), "{").unwrap()),
        |db, _| drop(db.open_tree("people-0").unwrap().insert("odd key", "{}").unwrap()),
        |db, id| drop(db.open_tree("embeddings-0").unwrap().insert(id.0.to_be_bytes(), "odd").unwrap()),
        |db, _| drop(db.open_tree("meta").unwrap().insert("next_person", "?").unwrap()),
        |db, _| drop(db.open_tree("controls-0").unwrap().pop_min().unwrap()),
        |db, _| drop(db.open_tree("meta").unwrap().insert("applied", "999").unwrap()),
    ];
    for harm in harms {
        rig.reopen_after(|dir| harm(&db(dir), ids[1]));
        assert_eq!(rig.people().iter().map(|p| p.id).collect::<Vec<_>>(), ids);
        assert_eq!(embeddings(&rig).keys().copied().collect::<Vec<_>>(), ids);
        assert_eq!(rig.next_event(0, None).unwrap().unwrap().seq, 1);
        assert_eq!(rig.control_records(everything(), None, Some(&|_| true)).unwrap().len(), 3);
    }
    assert!(rig.add(person(9), Some(registered(9, 0))).unwrap() > ids[2]);
}

#[test]
fn pages_are_slices_of_everybody_whatever_came_and_went() {
    let rig = Rig::new();
    let mut ids = Vec::new();
    for n in 1..=40 {
        let list = if n % 3 == 0 { List::Block } else { List::Allow };
        let birthday = Date::parse(&format!("{}-06-01", 1950 + n)).ok().filter(|_| n % 2 == 0);
        ids.push(rig.add(Person { list, birthday, ..person(n) }, None).unwrap());
    }
    assert_eq!(
        rig.births().map(|(first, last)| (first.to_string(), last.to_string())),
        Some(("1952-06-01".into(), "1990-06-01".into()))
    );
    // From the begin, the middle and the end; one changes lists.
    rig.remove(&[ids[0], ids[1], ids[20], ids[39]]).unwrap();
    rig.update(Person { id: ids[10], list: List::Block, ..person(11) }, None).unwrap();
    for list in [None, Some(List::Allow), Some(List::Block)] {
        let mut all = rig.people();
        all.retain(|person| list.is_none_or(|list| person.list == list));
        let numbers = |people: &[Arc<Person>]| people.iter().map(|person| person.id).collect::<Vec<_>>();
        for (skip, limit) in [(0, 5), (7, 10), (30, 100), (all.len(), 5), (usize::MAX, 5), (0, 0)] {
            let expect: Vec<_> = all.iter().skip(skip).take(limit).cloned().collect();
            let (total, page) = rig.people_page(list, skip, limit);
            assert_eq!((total, numbers(&page)), (all.len(), numbers(&expect)), "{list:?} {skip} {limit}");
            let wanted = |person: &Person| list.is_none_or(|list| person.list == list);
            let (total, page) = rig.people_where(wanted, skip, limit);
            assert_eq!((total, numbers(&page)), (all.len(), numbers(&expect)), "{list:?} {skip} {limit}");
        }
    }
    assert_eq!(
        rig.births().map(|(first, last)| (first.to_string(), last.to_string())),
        Some(("1954-06-01".into(), "1988-06-01".into()))
    );
    rig.remove_all().unwrap();
    assert_eq!((rig.people_page(None, 0, 5).0, rig.births()), (0, None));
}
