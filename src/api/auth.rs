//! Who calls: Basic login (2.4) against the account, with a growing pause for clients that guess.
//!
//! The password is kept as a salted Argon2id hash. Verifying one costs a slow board a good part of a second,
//! so a login that was verified is remembered as a keyed digest until the account changes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::clock::{Mono, lock};
use crate::error::{Error, Fault, Result};
use crate::settings::Account;

/// User and password of a terminal nobody has configured (2.4).
const DEFAULT: &str = "admin";
/// Wrong logins before the first pause.
const FREE_TRIES: u32 = 5;
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Clients whose failures are remembered.
const CLIENTS: usize = 1024;

/// Why a login is refused; the texts are appendix B.1's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// No login, or another scheme than Basic.
    Scheme,
    /// Unknown user, wrong password, or a client in its pause.
    Login,
}

impl Refused {
    /// The document's wording.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Scheme => "Unsupport authentication protocol type",
            Self::Login => "Unknown user or password",
        }
    }
}

/// Verifies logins.
#[derive(Debug)]
pub struct Gate {
    key: [u8; 32],
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Digest of the login last verified, and the account it belongs to.
    verified: Option<([u8; 32], String)>,
    failures: HashMap<IpAddr, Failures>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    paused_until: Mono,
}

impl Gate {
    /// A gate that remembers nothing yet.
    ///
    /// # Errors
    /// When the system gives no chance.
    pub fn new() -> Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|e| Error::new(Fault::Unavailable, format!("no randomness: {e}")))?;
        Ok(Self { key, state: Mutex::default() })
    }

    /// Lets a request pass, or says why not. `header` is the value of `Authorization`.
    ///
    /// # Errors
    /// What is to be answered.
    pub fn admit(&self, header: Option<&str>, account: &Account, client: IpAddr, now: Mono) -> Result<(), Refused> {
        let login = header.and_then(credentials).ok_or(Refused::Scheme)?;
        let digest = self.digest(&login);
        {
            let state = lock(&self.state);
            if state.failures.get(&client).is_some_and(|f| now < f.paused_until) {
                return Err(Refused::Login);
            }
            let known = state.verified.as_ref();
            if known.is_some_and(|(known, hash)| *hash == account.password_hash && bool::from(known.ct_eq(&digest))) {
                drop(state);
                lock(&self.state).failures.remove(&client);
                return Ok(());
            }
        }
        let (user, password) = login.split_once(':').unwrap_or((&login, ""));
        let good = verify(account, user, password);
        let mut state = lock(&self.state);
        if good {
            state.failures.remove(&client);
            state.verified = Some((digest, account.password_hash.clone()));
            return Ok(());
        }
        if state.failures.len() >= CLIENTS {
            state.failures.retain(|_, f| now < f.paused_until);
        }
        if state.failures.len() < CLIENTS {
            let failures = state.failures.entry(client).or_insert(Failures { count: 0, paused_until: now });
            failures.count += 1;
            failures.paused_until = now.after(pause(failures.count));
        }
        Err(Refused::Login)
    }

    fn digest(&self, login: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.key).chain_update(login).finalize().into()
    }
}

/// One second after the sixth wrong login, doubling up to a minute.
fn pause(failures: u32) -> Duration {
    match failures.checked_sub(FREE_TRIES + 1) {
        None => Duration::ZERO,
        Some(more) => Duration::from_secs(1 << more.min(6)).min(LONGEST_PAUSE),
    }
}

/// `user:password` of a Basic header.
fn credentials(header: &str) -> Option<String> {
    let (scheme, coded) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    String::from_utf8(STANDARD.decode(coded.trim()).ok()?).ok()
}

/// Compares user and password; without a stored account the document's default applies.
fn verify(account: &Account, user: &str, password: &str) -> bool {
    if account.password_hash.is_empty() {
        let right = user.as_bytes().ct_eq(DEFAULT.as_bytes()) & password.as_bytes().ct_eq(DEFAULT.as_bytes());
        return right.into();
    }
    let right_user = user.as_bytes().ct_eq(account.user.as_bytes());
    let right_password = PasswordHash::new(&account.password_hash)
        .is_ok_and(|hash| argon2().is_ok_and(|a| a.verify_password(password.as_bytes(), &hash).is_ok()));
    bool::from(right_user) && right_password
}

/// The account of a user with a password.
///
/// # Errors
/// When the system gives no chance for a salt.
pub fn account(user: &str, password: &str) -> Result<Account> {
    let fails =
        |e: &dyn std::fmt::Display| Error::new(Fault::Unavailable, format!("the password cannot be hashed: {e}"));
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|e| fails(&e))?;
    let hash = argon2()?.hash_password_with_salt(password.as_bytes(), &salt).map_err(|e| fails(&e))?;
    Ok(Account { user: user.to_owned(), password_hash: hash.to_string() })
}

/// 4 MiB and two passes: what the smallest boards can spare.
fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(4 * 1024, 2, 1, None)
        .map_err(|e| Error::new(Fault::Unavailable, format!("the password cannot be hashed: {e}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn basic(login: &str) -> String {
        format!("Basic {}", STANDARD.encode(login))
    }

    #[test]
    fn the_default_and_a_set_password() {
        let set = account("boss", "s3cret").unwrap();
        assert!(!set.password_hash.contains("s3cret"));
        for (account, header, expect) in [
            (&Account::default(), Some(basic("admin:admin")), Ok(())),
            (&Account::default(), Some("Basic YWRtaW46YWRtaW4=".into()), Ok(())),
            (&Account::default(), Some("basic YWRtaW46YWRtaW4=".into()), Ok(())),
            (&Account::default(), Some(basic("admin:nope")), Err(Refused::Login)),
            (&Account::default(), Some("Digest x".into()), Err(Refused::Scheme)),
            (&Account::default(), None, Err(Refused::Scheme)),
            (&set, Some(basic("boss:s3cret")), Ok(())),
            (&set, Some(basic("admin:admin")), Err(Refused::Login)),
            (&set, Some(basic("boss:admin")), Err(Refused::Login)),
        ] {
            let gate = Gate::new().unwrap();
            for _ in 0..2 {
                assert_eq!(gate.admit(header.as_deref(), account, CLIENT, Mono(0)), expect, "{header:?}");
            }
        }
    }

    #[test]
    fn a_remembered_login_ends_with_its_account() {
        let (gate, old, new) = (Gate::new().unwrap(), account("a", "one").unwrap(), account("a", "two").unwrap());
        assert_eq!(gate.admit(Some(&basic("a:one")), &old, CLIENT, Mono(0)), Ok(()));
        assert_eq!(gate.admit(Some(&basic("a:one")), &new, CLIENT, Mono(0)), Err(Refused::Login));
        assert_eq!(gate.admit(Some(&basic("a:two")), &new, CLIENT, Mono(0)), Ok(()));
    }

    #[test]
    fn guessing_gets_slower_for_the_guesser_alone() {
        let (gate, account) = (Gate::new().unwrap(), Account::default());
        let other = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
        for _ in 0..6 {
            assert!(gate.admit(Some(&basic("admin:guess")), &account, CLIENT, Mono(0)).is_err());
        }
        let right = basic("admin:admin");
        assert_eq!(gate.admit(Some(&right), &account, CLIENT, Mono(999_999)), Err(Refused::Login));
        assert_eq!(gate.admit(Some(&right), &account, other, Mono(0)), Ok(()));
        assert_eq!(gate.admit(Some(&right), &account, CLIENT, Mono(1_000_000)), Ok(()));
        assert_eq!(pause(100), LONGEST_PAUSE);
    }
}
