//! Every mode against what is presented, in which order, within and after the reset time: a row each.

use super::*;
use crate::access::card::CardFormat;
use crate::access::person::{LibId, Validity};
use crate::access::session::{Heard, Liveness, Look, Now, Session};
use crate::clock::Mono;
use crate::field::Int;

const RESET_MS: u64 = 2000;

/// Plays a presentation and writes down what is heard. A letter is a thing presented:
///
/// - faces: `L` Li's, `W` Wang's, `B` blocked Bao's, `E` expired Er's, `X` a photo of Li, `S` a stranger's, long enough
///   to be one
/// - cards: `l`, `w`, `b`, `e` theirs at the Wiegand reader, `u` one nobody bears; with `#` before it at the RF reader
/// - `I` Li's identity card, `J` Wang's; whoever is before the camera keeps standing there
/// - `M` a mask is worn, `m` it is not; `T` a normal temperature, `t` fever
/// - `-` the face goes; `.` half the reset time passes, `_` the reset time passes
fn play(mode: i64, presented: &str) -> String {
    let mode = VerifyMode::from_number(mode).unwrap();
    let rules = Door { verify_mode: mode, verify_reset_s: Int::of(2), ..Door::default() };
    let (mut session, mut ms, mut heard) = (Session::default(), 0, Vec::new());
    let (mut on_id_card, mut face, mut rf) = (None, None::<(u64, Option<char>, bool)>, false);
    let mut say = |what: Option<Heard>| {
        heard.extend(what.map(|heard| match heard {
            Heard::Wants(wanted) => format!("{wanted:?}?"),
            Heard::Ripe(ripe) => {
                let Verified { decision, verify_type, .. } = ripe.verified;
                let why = match decision.verdict {
                    Verdict::Refuse(refusal) => format!("{refusal:?}"),
                    verdict => format!("{verdict:?}"),
                };
                let who = decision.person.map_or_else(String::new, |person| person.name.clone());
                format!("{why} {who} {verify_type:#x}").replace("  ", " ")
            }
        }));
    };
    for letter in presented.chars() {
        let now = Now { mono: Mono(ms * 1000), local: LocalTime::parse("2026-01-01T12:00:00").unwrap() };
        let look = |track: u64, name: Option<char>, alive, on_id_card: Option<char>| Look {
            track,
            person: name.and_then(person),
            similarity: if name.is_some() { 90.0 } else { 10.0 },
            liveness: Liveness::Alive(alive),
            to_id_card: on_id_card.map(|on| if Some(on) == name { 90.0 } else { 10.0 }),
        };
        match letter {
            '.' => ms += RESET_MS / 2,
            '_' => ms += RESET_MS,
            '-' => {
                if let Some((track, ..)) = face.take() {
                    session.gone(track);
                }
            }
            '#' => rf = true,
            'L' | 'W' | 'B' | 'E' => {
                face = Some((letter as u64, Some(letter), true));
                say(session.look(&look(letter as u64, Some(letter), true, on_id_card), &rules, now));
            }
            'X' => say(session.look(&look(99, Some('L'), false, on_id_card), &rules, now)),
            'S' => {
                face = Some((98, None, true));
                for _ in 0..5 {
                    say(session.look(&look(98, None, true, on_id_card), &rules, now));
                }
            }
            'l' | 'w' | 'b' | 'e' | 'u' => {
                let number = match std::mem::take(&mut rf) {
                    true => CardNumber::Rf(letter.to_string()),
                    false => CardNumber::Wiegand(Card::new(CardFormat::W34, None, letter as u32).unwrap()),
                };
                say(session.card(number, person(letter.to_ascii_uppercase()), &rules, now));
            }
            'I' | 'J' => {
                let on = if letter == 'I' { 'L' } else { 'W' };
                on_id_card = Some(on);
                let card = IdCard { number: on.to_string(), name: on.to_string(), ..IdCard::default() };
                say(session.id_card(Arc::new(card), &rules, now));
                // Enough frames of whoever is there for a face that is not the card's.
                for _ in 0..6 {
                    if let Some((track, name, alive)) = face {
                        say(session.look(&look(track, name, alive, on_id_card), &rules, now));
                    }
                }
            }
            'M' | 'm' => say(session.mask(letter == 'M', &rules, now)),
            'T' => say(session.temperature(Reading { celsius: 36.5, high: false }, &rules, now)),
            't' => say(session.temperature(Reading { celsius: 38.5, high: true }, &rules, now)),
            _ => panic!("{letter} means nothing"),
        }
    }
    heard.join(", ")
}

/// Li, Wang, Bao and Er: on the allow list, but for blocked Bao; Er's time is over.
fn person(name: char) -> Option<Arc<Person>> {
    let over = Validity::Window { begin: LocalTime::UNSET, end: LocalTime::UNSET };
    let (id, list, validity) = match name {
        'L' => (1, List::Allow, Validity::Permanent),
        'W' => (2, List::Allow, Validity::Permanent),
        'B' => (3, List::Block, Validity::Permanent),
        'E' => (4, List::Allow, over),
        _ => return None,
    };
    let document_number = if name == 'L' { "L".to_owned() } else { String::new() };
    let known = Person {
        id: LibId(id),
        name: name.to_string(),
        list,
        validity,
        document_number,
        ..Person::new(LocalTime::UNSET)
    };
    Some(Arc::new(known))
}

fn check(rows: &[(i64, &str, &str)]) {
    let wrong: Vec<String> = rows
        .iter()
        .map(|(mode, presented, expect)| (mode, presented, expect, play(*mode, presented)))
        .filter(|(_, _, expect, heard)| *expect != heard)
        .map(|(mode, presented, expect, heard)| format!("{mode} {presented}: {heard}; expected {expect}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn faces_alone() {
    check(&[
        (1, "L", "Admit L 0x1"),
        (1, "L.L", "Admit L 0x1"),
        (1, "L_L", "Admit L 0x1, Admit L 0x1"),
        (1, "LW", "Admit L 0x1, Admit W 0x1"),
        (1, "S", "Stranger 0x1"),
        (1, "S_S", "Stranger 0x1"),
        (1, "B", "Blocked B 0x1"),
        (1, "E", "Expired E 0x1"),
        (1, "X", "NotAlive 0x1"),
        (1, "XL", "NotAlive 0x1, Admit L 0x1"),
        (1, "l", ""),
        (1, "#l", ""),
        (1, "I", ""),
        (1, "TM", ""),
    ]);
}

#[test]
fn identity_cards() {
    check(&[
        (2, "L", "IdCard?"),
        (2, "L.L", "IdCard?"),
        (2, "L_L", "IdCard?, IdCard?"),
        (2, "I", "Face?"),
        (2, "IL", "Face?, Admit L 0x2"),
        (2, "I.L", "Face?, Admit L 0x2"),
        (2, "I_L", "Face?, IdCard?"),
        (2, "LI", "IdCard?, Admit L 0x2"),
        (2, "L.I", "IdCard?, Admit L 0x2"),
        (2, "L_I", "IdCard?, Face?, Admit L 0x2"),
        (2, "L-_I", "IdCard?, Face?"),
        (2, "WJ", "IdCard?, Admit W 0x2"),
        (2, "IW", "Face?"),
        (2, "IWWWWW", "Face?, NotBearer L 0x2"),
        (2, "WI", "IdCard?, NotBearer L 0x2"),
        (2, "SI", "IdCard?, NotBearer L 0x2"),
        (2, "IB", "Face?, Blocked B 0x1"),
        (2, "IX", "Face?, NotAlive 0x1"),
        (2, "l", ""),
        (3, "L", "IdCard?"),
        (3, "I", "Face?"),
        (3, "IL", "Face?, Admit L 0x3"),
        (3, "I.L", "Face?, Admit L 0x3"),
        (3, "I_L", "Face?, IdCard?"),
        (3, "LI", "IdCard?, Admit L 0x3"),
        (3, "L.I", "IdCard?, Admit L 0x3"),
        (3, "L-.I", "IdCard?"),
        (3, "L-_I", "IdCard?, Face?"),
        (3, "WJ", "IdCard?, Admit W 0x3"),
        (3, "WI", "IdCard?, NotBearer W 0x3"),
        (3, "LJ", "IdCard?, NotBearer L 0x3"),
        (3, "S", "Stranger 0x1"),
        (3, "SI", "Stranger 0x1"),
        (3, "IS", "Face?, Stranger 0x3"),
        (3, "B", "Blocked B 0x1"),
        (3, "IE", "Face?, Expired E 0x3"),
        (3, "IX", "Face?, NotAlive 0x3"),
        (4, "L", "Admit L 0x1"),
        (4, "S", "Stranger 0x1"),
        (4, "I", "Face?"),
        (4, "IL", "Face?, Admit L 0x2"),
        (4, "I_L", "Face?, Admit L 0x1"),
        (4, "IW", "Face?, Admit W 0x1"),
        (4, "IS", "Face?, NotBearer L 0x2"),
        (4, "LI", "Admit L 0x1, Face?"),
        (4, "IB", "Face?, Blocked B 0x1"),
        (4, "IX", "Face?, NotAlive 0x1"),
    ]);
}

/// Both kinds of readers follow the same rules, each in its three modes.
#[test]
fn cards() {
    let rows = [
        // A card alone: 21 and 24.
        (0, "l", "Admit L CARD"),
        (0, "l.l", "Admit L CARD"),
        (0, "l_l", "Admit L CARD, Admit L CARD"),
        (0, "lw", "Admit L CARD, Admit W CARD"),
        (0, "u", "UnknownCard CARD"),
        (0, "b", "Blocked B CARD"),
        (0, "e", "Expired E CARD"),
        (0, "L", ""),
        (0, "S", ""),
        (0, "X", ""),
        (0, "Il", "Admit L CARD"),
        // A card and the face of its bearer: 22 and 25.
        (1, "L", "Card?"),
        (1, "L.L", "Card?"),
        (1, "L_L", "Card?, Card?"),
        (1, "l", "Face?"),
        (1, "Ll", "Card?, Admit L BOTH"),
        (1, "lL", "Face?, Admit L BOTH"),
        (1, "L-.l", "Card?, Admit L BOTH"),
        (1, "l.L", "Face?, Admit L BOTH"),
        (1, "L-_l", "Card?, Face?"),
        (1, "l_L", "Face?, Card?"),
        (1, "LlLl", "Card?, Admit L BOTH"),
        (1, "Wl", "Card?, NotBearer L BOTH"),
        (1, "lW", "Face?, NotBearer L BOTH"),
        (1, "S", "Stranger 0x1"),
        (1, "Sl", "Stranger 0x1, NotBearer L BOTH"),
        (1, "S-l", "Stranger 0x1, Face?"),
        (1, "lS", "Face?, NotBearer L BOTH"),
        (1, "u", "UnknownCard CARD"),
        (1, "uL", "UnknownCard CARD, Card?"),
        (1, "B", "Blocked B 0x1"),
        (1, "Bb", "Blocked B 0x1"),
        (1, "b", "Blocked B CARD"),
        (1, "lB", "Face?, Blocked B 0x1"),
        (1, "eE", "Expired E CARD"),
        (1, "lX", "Face?, NotAlive 0x1"),
        (1, "lXL", "Face?, NotAlive 0x1, Card?"),
        (1, "I", ""),
        // Either: 23 and 26.
        (2, "L", "Admit L 0x1"),
        (2, "l", "Admit L CARD"),
        (2, "Ll", "Admit L 0x1"),
        (2, "lL", "Admit L CARD"),
        (2, "L_l", "Admit L 0x1, Admit L CARD"),
        (2, "l_L", "Admit L CARD, Admit L 0x1"),
        (2, "lW", "Admit L CARD, Admit W 0x1"),
        (2, "S", "Stranger 0x1"),
        (2, "Sw", "Stranger 0x1, Admit W CARD"),
        (2, "u", "UnknownCard CARD"),
        (2, "B", "Blocked B 0x1"),
        (2, "b", "Blocked B CARD"),
        (2, "Xl", "NotAlive 0x1, Admit L CARD"),
    ];
    for (first, reader, card, both) in [(21, "#", "0x15", "0x16"), (24, "", "0x18", "0x19")] {
        for (mode, presented, expect) in rows {
            let at = |reader: &str| {
                let letters = presented.chars();
                letters
                    .map(|c| if c.is_ascii_lowercase() { format!("{reader}{c}") } else { c.to_string() })
                    .collect::<String>()
            };
            let expect = expect.replace("CARD", card).replace("BOTH", both);
            check(&[(first + mode, &at(reader), &expect)]);
            // A card at the other reader counts for nothing.
            let other = if reader.is_empty() { "#" } else { "" };
            let faces: String = presented.chars().filter(|c| !c.is_ascii_lowercase()).collect();
            assert_eq!(play(first + mode, &at(other)), play(first + mode, &faces), "{} {presented}", first + mode);
        }
    }
}

#[test]
fn masks_and_temperature() {
    check(&[
        // Any face at all.
        (0x105, "L", "Mask?"),
        (0x105, "LM", "Mask?, Admit 0x100"),
        (0x105, "ML", "Admit 0x100"),
        (0x105, "M.L", "Admit 0x100"),
        (0x105, "M_L", "Mask?"),
        (0x105, "L-_M", "Mask?"),
        (0x105, "Lm", "Mask?, NoMask 0x100"),
        (0x105, "SM", "Mask?, Admit 0x100"),
        (0x105, "BM", "Blocked B 0x101"),
        (0x105, "MX", "NotAlive 0x101"),
        (0x105, "M", ""),
        (0x105, "LMLM", "Mask?, Admit 0x100"),
        (0x205, "LT", "Temperature?, Admit 0x200"),
        (0x205, "TL", "Admit 0x200"),
        (0x205, "T_L", "Temperature?"),
        (0x205, "Lt", "Temperature?, Fever 0x200"),
        (0x305, "LTM", "Temperature?, Mask?, Admit 0x300"),
        (0x305, "LMT", "Temperature?, Admit 0x300"),
        (0x305, "TML", "Admit 0x300"),
        (0x305, "T_ML", "Temperature?"),
        (0x305, "LtM", "Temperature?, Fever 0x300"),
        (0x305, "Lm", "Temperature?, NoMask 0x300"),
        // With a face of the lists.
        (0x101, "L", "Mask?"),
        (0x101, "LM", "Mask?, Admit L 0x101"),
        (0x101, "ML", "Admit L 0x101"),
        (0x101, "M.L", "Admit L 0x101"),
        (0x101, "M_L", "Mask?"),
        (0x101, "Lm", "Mask?, NoMask L 0x101"),
        (0x101, "S", "Stranger 0x101"),
        (0x101, "B", "Blocked B 0x101"),
        (0x201, "LT", "Temperature?, Admit L 0x201"),
        (0x201, "TL", "Admit L 0x201"),
        (0x201, "L-.T", "Temperature?, Admit L 0x201"),
        (0x201, "L-_T", "Temperature?"),
        (0x201, "tL", "Fever L 0x201"),
        (0x201, "TLW", "Admit L 0x201, Temperature?"),
        (0x301, "MTL", "Admit L 0x301"),
        (0x301, "MLT", "Temperature?, Admit L 0x301"),
        (0x301, "mTL", "NoMask L 0x301"),
        (0x301, "mtL", "Fever L 0x301"),
        // With cards.
        (0x118, "l", "Mask?"),
        (0x118, "lM", "Mask?, Admit L 0x118"),
        (0x218, "Tl", "Admit L 0x218"),
        (0x218, "l_T", "Temperature?"),
        (0x319, "lLTM", "Face?, Temperature?, Mask?, Admit L 0x319"),
        (0x319, "TMLl", "Card?, Admit L 0x319"),
        (0x319, "lLtM", "Face?, Temperature?, Fever L 0x319"),
        (0x319, "TMWl", "Card?, NotBearer L 0x319"),
        (0x31A, "TMl", "Admit L 0x318"),
        (0x31A, "TML", "Admit L 0x301"),
        (0x115, "#lM", "Mask?, Admit L 0x115"),
        (0x216, "#lLT", "Face?, Temperature?, Admit L 0x216"),
        (0x117, "M#l", "Admit L 0x115"),
        // With identity cards.
        (0x102, "MIL", "Face?, Admit L 0x102"),
        (0x202, "ILT", "Face?, Temperature?, Admit L 0x202"),
        (0x103, "ILm", "Face?, Mask?, NoMask L 0x103"),
        (0x204, "TI-L", "Face?, Admit L 0x202"),
    ]);
}
