//! Everybody in memory: found by number, by either id of the platform and by either card.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::{LibId, List, Person, Validity};
use crate::bail;
use crate::error::Result;
use crate::field::Date;

/// A row of the people's tree.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) person: Arc<Person>,
    pub(super) photo: Option<Photo>,
}

/// Where a person's photo lies and what its embedding was computed with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Photo {
    /// Number of the file; each edit takes a new one, so the old file stays whole until the row has changed.
    pub(super) file: u64,
    /// Id of the model pack.
    pub(super) pack: String,
}

/// The people and where to find them.
#[derive(Debug, Default)]
pub(super) struct Book {
    rows: BTreeMap<LibId, Row>,
    custom_ids: HashMap<u32, LibId>,
    uuids: HashMap<String, LibId>,
    cards: HashMap<u32, LibId>,
    rf_cards: HashMap<u128, LibId>,
    /// The numbers in order, so that a page of many is found without counting up to it.
    order: Vec<LibId>,
    /// The same of each list.
    of_list: [Vec<LibId>; 2],
    /// Dates of birth with how many bear them.
    births: BTreeMap<Date, usize>,
}

impl Book {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (LibId, &Row)> {
        self.rows.iter().map(|(id, row)| (*id, row))
    }

    pub(super) fn row(&self, id: LibId) -> Option<&Row> {
        self.rows.get(&id)
    }

    /// The numbers of everybody, or of those on a list, in order.
    pub(super) fn order(&self, list: Option<List>) -> &[LibId] {
        list.map_or(&self.order, |list| &self.of_list[place(list)])
    }

    /// The first and the last date of birth there is.
    pub(super) fn births(&self) -> Option<(Date, Date)> {
        Some((*self.births.first_key_value()?.0, *self.births.last_key_value()?.0))
    }

    pub(super) fn person(&self, id: Option<&LibId>) -> Option<Arc<Person>> {
        self.rows.get(id?).map(|row| row.person.clone())
    }

    pub(super) fn custom_id(&self, id: u32) -> Option<&LibId> {
        self.custom_ids.get(&id)
    }

    pub(super) fn uuid(&self, uuid: &str) -> Option<&LibId> {
        self.uuids.get(uuid)
    }

    pub(super) fn card(&self, whole: u32) -> Option<&LibId> {
        self.cards.get(&whole)
    }

    pub(super) fn rf_card(&self, number: u128) -> Option<&LibId> {
        self.rf_cards.get(&number)
    }

    /// Whether nobody but the person itself bears its ids and cards.
    pub(super) fn check(&self, person: &Person) -> Result<()> {
        let other = |bearer: Option<&LibId>| bearer.copied().filter(|bearer| *bearer != person.id);
        if let Some((id, bearer)) = person.custom_id.and_then(|id| Some((id, other(self.custom_id(id))?))) {
            bail!(IdExists, "CustomizeID: {id} is borne by LibID {bearer}");
        }
        if let Some((uuid, bearer)) = person.uuid.as_ref().and_then(|uuid| Some((uuid, other(self.uuid(uuid))?))) {
            bail!(IdExists, "PersonUUID: {uuid:?} is borne by LibID {bearer}");
        }
        let card = person.card.card();
        if let Some((card, bearer)) = card.and_then(|card| Some((card, other(self.card(card.whole()))?))) {
            bail!(CardExists, "MjCardNo: {} is borne by LibID {bearer}", card.whole());
        }
        if let Some(bearer) = person.rf_number().and_then(|number| other(self.rf_card(number))) {
            let card = person.rf_card.as_deref().unwrap_or_default();
            bail!(RfCardExists, "RFIDCard: {card:?} is borne by LibID {bearer}");
        }
        Ok(())
    }

    /// Puts a row in the place of the one its person had.
    pub(super) fn put(&mut self, row: Row) {
        let person = row.person.clone();
        self.take(person.id);
        if let Some(id) = person.custom_id {
            self.custom_ids.insert(id, person.id);
        }
        if let Some(uuid) = &person.uuid {
            self.uuids.insert(uuid.clone(), person.id);
        }
        if let Some(card) = person.card.card() {
            self.cards.insert(card.whole(), person.id);
        }
        if let Some(number) = person.rf_number() {
            self.rf_cards.insert(number, person.id);
        }
        insert(&mut self.order, person.id);
        insert(&mut self.of_list[place(person.list)], person.id);
        if let Some(birthday) = person.birthday {
            *self.births.entry(birthday).or_default() += 1;
        }
        self.rows.insert(person.id, row);
    }

    pub(super) fn take(&mut self, id: LibId) -> Option<Row> {
        let row = self.rows.remove(&id)?;
        let person = &row.person;
        // Only what points here: after a damaged write two rows may claim one id.
        if let Some(own) = person.custom_id.filter(|own| self.custom_ids.get(own) == Some(&id)) {
            self.custom_ids.remove(&own);
        }
        if let Some(uuid) = person.uuid.as_ref().filter(|uuid| self.uuids.get(*uuid) == Some(&id)) {
            self.uuids.remove(uuid);
        }
        if let Some(card) = person.card.card().filter(|card| self.cards.get(&card.whole()) == Some(&id)) {
            self.cards.remove(&card.whole());
        }
        if let Some(number) = person.rf_number().filter(|number| self.rf_cards.get(number) == Some(&id)) {
            self.rf_cards.remove(&number);
        }
        remove(&mut self.order, id);
        remove(&mut self.of_list[place(person.list)], id);
        if let Some(birthday) = person.birthday
            && let Some(bearers) = self.births.get_mut(&birthday)
        {
            *bearers -= 1;
            if *bearers == 0 {
                self.births.remove(&birthday);
            }
        }
        Some(row)
    }

    /// Spends one use; whether there was one to spend.
    pub(super) fn spend(&mut self, id: LibId) -> bool {
        let Some(row) = self.rows.get_mut(&id) else { return false };
        match row.person.validity {
            Validity::Uses { left } if left > 0 => {
                Arc::make_mut(&mut row.person).validity = Validity::Uses { left: left - 1 };
                true
            }
            _ => false,
        }
    }

    /// The lowest number of a range that is nobody's card.
    pub(super) fn free_card(&self, first: u32, last: u32) -> Option<u32> {
        (first..=last).find(|card| !self.cards.contains_key(card))
    }
}

const fn place(list: List) -> usize {
    match list {
        List::Allow => 0,
        List::Block => 1,
    }
}

/// New numbers are the highest, so most go to the end.
fn insert(order: &mut Vec<LibId>, id: LibId) {
    if order.last().is_none_or(|last| *last < id) {
        order.push(id);
    } else if let Err(at) = order.binary_search(&id) {
        order.insert(at, id);
    }
}

fn remove(order: &mut Vec<LibId>, id: LibId) {
    if let Ok(at) = order.binary_search(&id) {
        order.remove(at);
    }
}
