//! All that a backup carries, out of the store and into an empty one. What a backup looks like is `crate::backup`'s
//! matter.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::book::Row;
use super::db::{Change, to_json};
use super::frame::Tree;
use super::rows::failed;
use super::writer::Next;
use super::{Registered, Store, read, write};
use crate::access::Person;
use crate::bail;
use crate::clock::lock;
use crate::error::{Error, Result};

/// Numbers not yet given out, so that none is given out twice.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Counters {
    /// Of a person.
    pub next_person: u32,
    /// Of records and of the event log; `None` before the first record.
    next_record: Option<Next>,
}

impl Store {
    /// Hands out everybody with photo and embedding, one after the other, in the order of their numbers.
    ///
    /// # Errors
    /// What `each` refuses; [`StoreFailed`](crate::error::Fault::StoreFailed), also for a photo or an embedding that
    /// is missing.
    pub fn export<E: From<Error>>(
        &self,
        mut each: impl FnMut(&Person, Option<Registered>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let rows: Vec<Row> = read(&self.core.book).rows().map(|(_, row)| row.clone()).collect();
        for row in rows {
            let id = row.person.id;
            let photo = row.photo.map(|photo| {
                let Some(jpeg) = self.core.photos.read(photo.file)? else {
                    bail!(StoreFailed, "the photo of LibID {id} is missing");
                };
                let key = id.0.to_be_bytes();
                let bytes = self.core.db.trees()?.of(Tree::Embeddings).get(key).map_err(failed("read an embedding"))?;
                let Some(bytes) = bytes else { bail!(StoreFailed, "the embedding of LibID {id} is missing") };
                let (values, rest) = bytes.as_chunks::<4>();
                if !rest.is_empty() {
                    bail!(StoreFailed, "the embedding of LibID {id} is damaged");
                }
                let embedding = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
                Ok(Registered { jpeg, embedding, pack: photo.pack })
            });
            each(&row.person, photo.transpose()?)?;
        }
        Ok(())
    }

    /// Adds people under the numbers they bear, all or none; ids and cards must be free among all others.
    ///
    /// # Errors
    /// As [`Store::add`], and [`BadParameter`](crate::error::Fault::BadParameter) for a number that is taken.
    pub fn import(&self, people: Vec<(Person, Option<Registered>)>) -> Result<()> {
        let mut next = lock(&self.core.turn);
        let mut change = Change::default();
        let mut rows = Vec::new();
        {
            // Shown before they are on the disk: who imports is alone with the store, and drops it at an error.
            let mut book = write(&self.core.book);
            for (person, photo) in people {
                let id = person.id;
                if id.0 == 0 || book.row(id).is_some() {
                    bail!(BadParameter, "LibID: {id} is 0 or taken");
                }
                if book.len() >= self.core.limits.people {
                    bail!(Full, "at most {} people", self.core.limits.people);
                }
                book.check(&person)?;
                let Some(following) = id.0.checked_add(1) else { bail!(Full, "all numbers are used up") };
                *next = (*next).max(following);
                book.put(Row { person: Arc::new(person), photo: None });
                rows.push((id, photo));
            }
        }
        for (id, photo) in rows {
            let Some(mut row) = read(&self.core.book).row(id).cloned() else { continue };
            let key = id.0.to_be_bytes();
            if let Some(photo) = photo {
                let (photo, embedding) = self.write_photo(photo)?;
                change.put(Tree::Embeddings, &key, &embedding);
                row.photo = Some(photo);
            }
            change.put(Tree::People, &key, &to_json(&row)?);
            write(&self.core.book).put(row);
        }
        change.count("next_person", &*next)?;
        change.count("next_photo", &self.core.next_photo.load(Ordering::Relaxed))?;
        self.core.db.commit(&change)
    }

    /// The numbers that follow.
    ///
    /// # Errors
    /// [`StoreFailed`](crate::error::Fault::StoreFailed).
    pub fn counters(&self) -> Result<Counters> {
        Ok(Counters { next_person: *lock(&self.core.turn), next_record: self.core.db.counter("next_record") })
    }

    /// Goes on from the numbers of another store; those of records count from the next start.
    ///
    /// # Errors
    /// [`BadParameter`](crate::error::Fault::BadParameter) for numbers no store gives out;
    /// [`StoreFailed`](crate::error::Fault::StoreFailed).
    pub fn continue_from(&self, counters: &Counters) -> Result<()> {
        let mut next = lock(&self.core.turn);
        *next = (*next).max(counters.next_person);
        let mut change = Change::default();
        change.count("next_person", &*next)?;
        if let Some(record) = counters.next_record {
            if !record.is_sane() {
                bail!(BadParameter, "next_record: is out of range");
            }
            change.count("next_record", &record)?;
        }
        self.core.db.commit(&change)
    }

    /// The secrets drawn so far, by name.
    ///
    /// # Errors
    /// [`StoreFailed`](crate::error::Fault::StoreFailed).
    pub fn secrets(&self) -> Result<Vec<(String, Vec<u8>)>> {
        Ok(self.core.db.all(Tree::Secrets))
    }

    /// Takes over secrets, all or none.
    ///
    /// # Errors
    /// [`StoreFailed`](crate::error::Fault::StoreFailed).
    pub fn set_secrets(&self, secrets: &[(String, Vec<u8>)]) -> Result<()> {
        self.set(Tree::Secrets, secrets)
    }

    /// The stored groups of settings, by name.
    ///
    /// # Errors
    /// [`StoreFailed`](crate::error::Fault::StoreFailed).
    pub fn groups(&self) -> Result<Vec<(String, Vec<u8>)>> {
        Ok(self.core.db.all(Tree::Settings))
    }

    /// Takes over groups of settings, all or none.
    ///
    /// # Errors
    /// [`StoreFailed`](crate::error::Fault::StoreFailed).
    pub fn set_groups(&self, groups: &[(String, Vec<u8>)]) -> Result<()> {
        self.set(Tree::Settings, groups)
    }

    fn set(&self, tree: Tree, rows: &[(String, Vec<u8>)]) -> Result<()> {
        let mut change = Change::default();
        rows.iter().for_each(|(name, bytes)| change.put(tree, name.as_bytes(), bytes));
        self.core.db.commit(&change)
    }
}
