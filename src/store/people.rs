//! The people: all kept in memory too, so reading never touches the disk.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::book::{Book, Photo, Row};
use super::db::{Change, to_json};
use super::frame::Tree;
use super::index::Kind;
use super::rows::failed;
use super::writer::Job;
use super::{Registered, Store, read, write};
use crate::access::{LibId, List, Person};
use crate::bail;
use crate::clock::lock;
use crate::error::Result;
use crate::field::Date;

impl Store {
    /// Adds a person under the next free [`LibId`]; ids, Wiegand card and RF card must be free.
    ///
    /// # Errors
    /// [`IdExists`](crate::error::Fault::IdExists), [`CardExists`](crate::error::Fault::CardExists),
    /// [`RfCardExists`](crate::error::Fault::RfCardExists), each naming the field and its bearer;
    /// [`Full`](crate::error::Fault::Full); [`StoreFailed`](crate::error::Fault::StoreFailed).
    pub fn add(&self, person: Person, photo: Option<Registered>) -> Result<LibId> {
        // Nobody has number 0, so every bearer of one of the new ids is another.
        let mut person = Person { id: LibId(0), ..tidy(person) };
        let check = |book: &Book, person: &Person| {
            if book.len() >= self.core.limits.people {
                bail!(Full, "at most {} people", self.core.limits.people);
            }
            book.check(person)
        };
        check(&read(&self.core.book), &person)?;
        self.check_space()?;
        let photo = photo.map(|photo| self.write_photo(photo)).transpose()?;
        let mut next = lock(&self.core.turn);
        if let Err(error) = check(&read(&self.core.book), &person) {
            self.core.photos.remove(photo.map(|(photo, _)| photo.file));
            return Err(error);
        }
        person.id = LibId(*next);
        let Some(following) = next.checked_add(1) else { bail!(Full, "all numbers are used up") };
        let id = person.id;
        *next = following;
        let mut change = Change::default();
        change.count("next_person", &*next)?;
        let (photo, embedding) = photo.unzip();
        self.put(change, person, photo, embedding)?;
        Ok(id)
    }

    /// Replaces a person (by `person.id`), and the photo where one is given.
    ///
    /// # Errors
    /// As [`Store::add`], and [`NoPerson`](crate::error::Fault::NoPerson).
    pub fn update(&self, person: Person, photo: Option<Registered>) -> Result<()> {
        let person = tidy(person);
        let check = |book: &Book| -> Result<Option<Photo>> {
            let Some(row) = book.row(person.id) else { bail!(NoPerson, "LibID: {}", person.id) };
            book.check(&person)?;
            Ok(row.photo.clone())
        };
        check(&read(&self.core.book))?;
        if photo.is_some() {
            self.check_space()?;
        }
        let photo = photo.map(|photo| self.write_photo(photo)).transpose()?;
        let turn = lock(&self.core.turn);
        let old = match check(&read(&self.core.book)) {
            Ok(old) => old,
            Err(error) => {
                self.core.photos.remove(photo.map(|(photo, _)| photo.file));
                return Err(error);
            }
        };
        let (photo, embedding) = photo.unzip();
        let outdated = old.as_ref().filter(|_| photo.is_some()).map(|old| old.file);
        self.put(Change::default(), person, photo.or(old), embedding)?;
        drop(turn);
        self.core.photos.remove(outdated);
        Ok(())
    }

    /// Keeps another embedding of the photo there is, measured by `pack`; the photo stays the file it is, and a full disk
    /// refuses nothing that takes no more room.
    ///
    /// # Errors
    /// [`NoPicture`](crate::error::Fault::NoPicture) when there is none; [`StoreFailed`](crate::error::Fault::StoreFailed).
    pub fn measured(&self, id: LibId, embedding: &[f32], pack: &str) -> Result<()> {
        let _turn = lock(&self.core.turn);
        let found = read(&self.core.book).row(id).and_then(|row| Some((row.person.clone(), row.photo.clone()?)));
        let Some((person, photo)) = found else { bail!(NoPicture, "LibID: {id}") };
        let photo = Photo { pack: pack.to_owned(), ..photo };
        self.put(Change::default(), Person::clone(&person), Some(photo), Some(bytes_of(embedding)))
    }

    /// Refuses to take in more when the disk is full; what can go to make room does.
    fn check_space(&self) -> Result<()> {
        if let Some(free) = self.core.shortage() {
            self.queue.send(Job::Room);
            bail!(StoreFailed, "the disk is full, {} MB are left; remove people or records", free >> 20);
        }
        Ok(())
    }

    /// Commits a row, and the embedding where it changes, then shows it.
    fn put(&self, mut change: Change, person: Person, photo: Option<Photo>, embedding: Option<Vec<u8>>) -> Result<()> {
        let key = person.id.0.to_be_bytes();
        if let Some(embedding) = embedding {
            change.count("next_photo", &self.core.next_photo.load(Ordering::Relaxed))?;
            change.put(Tree::Embeddings, &key, &embedding);
        }
        let row = Row { person: Arc::new(person), photo };
        change.put(Tree::People, &key, &to_json(&row)?);
        // A photo whose commit failed stays until the next open: the row may have reached the disk.
        self.core.db.commit(&change)?;
        write(&self.core.book).put(row);
        Ok(())
    }

    /// Writes a photo under a name of its own; returns what its row says of it and the embedding's bytes.
    pub(super) fn write_photo(&self, photo: Registered) -> Result<(Photo, Vec<u8>)> {
        let file = self.core.next_photo.fetch_add(1, Ordering::Relaxed);
        self.core.photos.write(file, &photo.jpeg)?;
        self.core.photos.sync([file])?;
        Ok((Photo { file, pack: photo.pack }, bytes_of(&photo.embedding)))
    }

    /// Removes people with their photos and control records; returns those that were there.
    ///
    /// # Errors
    /// [`StoreFailed`](crate::error::Fault::StoreFailed); nobody is removed then.
    pub fn remove(&self, ids: &[LibId]) -> Result<Vec<LibId>> {
        let turn = lock(&self.core.turn);
        let mut change = Change::default();
        let (mut gone, mut photos, mut marks) = (Vec::new(), Vec::new(), Vec::new());
        {
            let (book, ledger) = (read(&self.core.book), read(&self.core.ledger));
            let mut seen = BTreeSet::new();
            for id in ids.iter().copied().filter(|id| seen.insert(*id)) {
                let Some(row) = book.row(id) else { continue };
                gone.push(id);
                photos.extend(row.photo.as_ref().map(|photo| photo.file));
                marks.extend(ledger.records.of(Kind::Control).of(id));
            }
        }
        if gone.is_empty() {
            return Ok(gone);
        }
        for id in &gone {
            change.remove(Tree::People, &id.0.to_be_bytes());
            change.remove(Tree::Embeddings, &id.0.to_be_bytes());
        }
        for mark in &marks {
            change.remove(Tree::Controls, &mark.key());
        }
        self.core.db.commit(&change)?;
        {
            let mut book = write(&self.core.book);
            for id in &gone {
                book.take(*id);
            }
        }
        {
            let mut ledger = write(&self.core.ledger);
            ledger.records.of_mut(Kind::Control).remove(&marks);
            ledger.log.remove(&marks);
        }
        drop(turn);
        let lost: Vec<_> = marks.iter().map(|mark| (Kind::Control, *mark)).collect();
        self.core.say_lost(&lost, "left with their people");
        self.core.photos.remove(photos);
        self.core.snaps.of(Kind::Control).remove(marks.iter().map(|mark| mark.id));
        Ok(gone)
    }

    /// Removes everybody and all control records.
    ///
    /// # Errors
    /// [`StoreFailed`](crate::error::Fault::StoreFailed); nothing is removed then.
    pub fn remove_all(&self) -> Result<()> {
        self.empty(true, &[Kind::Control])
    }

    /// How many people there are.
    #[must_use]
    pub fn count(&self) -> usize {
        read(&self.core.book).len()
    }

    /// The person of that number.
    #[must_use]
    pub fn person(&self, id: LibId) -> Option<Arc<Person>> {
        read(&self.core.book).person(Some(&id))
    }

    /// The bearer of a `CustomizeID`.
    #[must_use]
    pub fn by_custom_id(&self, id: u32) -> Option<Arc<Person>> {
        let book = read(&self.core.book);
        book.person(book.custom_id(id))
    }

    /// The bearer of a `PersonUUID`.
    #[must_use]
    pub fn by_uuid(&self, uuid: &str) -> Option<Arc<Person>> {
        let book = read(&self.core.book);
        book.person(book.uuid(uuid))
    }

    /// The bearer of a Wiegand card, by all its bits ([`crate::access::Card::whole`]).
    #[must_use]
    pub fn by_card(&self, whole: u32) -> Option<Arc<Person>> {
        let book = read(&self.core.book);
        book.person(book.card(whole))
    }

    /// The bearer of an RF card.
    #[must_use]
    pub fn by_rf_card(&self, number: u128) -> Option<Arc<Person>> {
        let book = read(&self.core.book);
        book.person(book.rf_card(number))
    }

    /// Everybody in the order of their numbers; a snapshot, cheap to take.
    #[must_use]
    pub fn people(&self) -> Vec<Arc<Person>> {
        read(&self.core.book).rows().map(|(_, row)| row.person.clone()).collect()
    }

    /// How many people there are on a list, or on both, and `limit` of them in the order of their numbers behind the
    /// first `skip`. Costs what it returns, however many there are.
    #[must_use]
    pub fn people_page(&self, list: Option<List>, skip: usize, limit: usize) -> (usize, Vec<Arc<Person>>) {
        let book = read(&self.core.book);
        let order = book.order(list);
        let page = order.iter().skip(skip).take(limit).filter_map(|id| book.person(Some(id)));
        (order.len(), page.collect())
    }

    /// The same of those that `wanted` lets pass: looks at everybody. `wanted` must be quick.
    #[must_use]
    pub fn people_where(
        &self,
        wanted: impl Fn(&Person) -> bool,
        skip: usize,
        limit: usize,
    ) -> (usize, Vec<Arc<Person>>) {
        let book = read(&self.core.book);
        let (mut number, mut page) = (0, Vec::new());
        for (_, row) in book.rows().filter(|(_, row)| wanted(&row.person)) {
            if number >= skip && page.len() < limit {
                page.push(row.person.clone());
            }
            number += 1;
        }
        (number, page)
    }

    /// The first and the last date of birth anybody has.
    #[must_use]
    pub fn births(&self) -> Option<(Date, Date)> {
        read(&self.core.book).births()
    }

    /// Takes the lowest number of `first..=last` no card bears; `None` when all are taken.
    #[must_use]
    pub fn free_card(&self, first: u32, last: u32) -> Option<u32> {
        read(&self.core.book).free_card(first, last)
    }

    /// A person's registered photo, JPEG.
    ///
    /// # Errors
    /// [`StoreFailed`](crate::error::Fault::StoreFailed) when the file is there and cannot be read.
    pub fn photo(&self, id: LibId) -> Result<Option<Vec<u8>>> {
        let file = || Some(read(&self.core.book).row(id)?.photo.as_ref()?.file);
        let mut wanted = file();
        while let Some(number) = wanted {
            if let Some(bytes) = self.core.photos.read(number)? {
                return Ok(Some(bytes));
            }
            // Replaced since the row was read? Then the new one is there.
            wanted = file().filter(|now| *now != number);
            if wanted.is_none() && file().is_some() {
                tracing::error!(%id, number, "the person's photo is missing");
            }
        }
        Ok(None)
    }

    /// All embeddings of `pack`, for filling the gallery at start.
    ///
    /// # Errors
    /// [`StoreFailed`](crate::error::Fault::StoreFailed) when they cannot be read at all; a damaged one is
    /// said in the log and passed over.
    pub fn embeddings(&self, pack: &str, each: &mut dyn FnMut(LibId, &[f32])) -> Result<()> {
        let mut embedding = Vec::new();
        for row in self.core.db.trees()?.of(Tree::Embeddings) {
            let (key, bytes) = row.map_err(failed("read the embeddings"))?;
            let id = key.as_ref().try_into().map(u32::from_be_bytes).map(LibId);
            let (values, rest) = bytes.as_chunks::<4>();
            let (Ok(id), false, true) = (id, values.is_empty(), rest.is_empty()) else {
                tracing::error!(?key, bytes = bytes.len(), "unreadable embedding passed over");
                continue;
            };
            let wanted = |book: &Book| Some(book.row(id)?.photo.as_ref()?.pack == pack);
            if wanted(&read(&self.core.book)) != Some(true) {
                continue;
            }
            embedding.clear();
            embedding.extend(values.iter().map(|value| f32::from_le_bytes(*value)));
            each(id, &embedding);
        }
        Ok(())
    }

    /// Spends one use of a temporary list 3: at once in memory, with the next flush on the disk.
    pub fn spend_use(&self, id: LibId) {
        if write(&self.core.book).spend(id) {
            self.queue.send(Job::Spent(id));
        }
    }
}

fn bytes_of(embedding: &[f32]) -> Vec<u8> {
    embedding.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Empty texts are no ids: two people without one do not collide.
fn tidy(mut person: Person) -> Person {
    person.uuid = person.uuid.filter(|uuid| !uuid.is_empty());
    person.rf_card = person.rf_card.filter(|card| !card.is_empty());
    person
}
