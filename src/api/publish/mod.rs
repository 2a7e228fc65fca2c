//! The API as it is published: OpenAPI, a page to read, a Postman collection.
//!
//! All three are made of the table of operators, the request structs behind it and the document's index, so
//! none can say what the terminal does not do. `document` is the index, `request` takes a request's schema
//! apart, `answers` says what answers hold; the others write.

mod answers;
pub mod document;
pub mod markdown;
pub mod openapi;
pub mod postman;
mod request;

use document::{Described, described};

use super::codes::{self, Page};
use super::table::{OPERATORS, Operator};

/// Every operator that is both in the table and in the document, in the document's order.
fn published() -> impl Iterator<Item = (&'static Operator, &'static Described)> {
    let mut all: Vec<_> = OPERATORS.iter().filter_map(|operator| Some((operator, described(operator.name)?))).collect();
    all.sort_by_key(|(_, described)| std::ptr::from_ref(*described));
    all.into_iter()
}

/// The numbers the members of a batch fail with, beside those of the batch.
fn member_page(operator: &Operator) -> Option<Page> {
    match operator.name {
        "AddPersons" => Some(codes::PERSON),
        "EditPersonsNew" => Some(codes::BATCH_ITEM),
        _ => None,
    }
}
