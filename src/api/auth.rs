//! Who may call: HTTP Basic against the one account (2.4, 3.3).
//!
//! The password is kept as an Argon2id hash, which is slow on purpose; what was verified once is remembered
//! as a keyed digest, so that only the first request pays. A client that keeps failing is refused for a
//! growing while without being asked again; others never notice.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::clock::{Clock, Mono, lock};
use crate::error::{Error, Fault, Result};
use crate::settings::{Account, Live};

/// What applies until the first password is set (2.4).
pub const DEFAULT: (&str, &str) = ("admin", "admin");
/// Failures that cost nothing: typing errors, a platform still on the old password.
const FREE_FAILURES: u32 = 5;
const LONGEST_REFUSAL: Duration = Duration::from_secs(60);
/// After so long without a failure a client starts afresh.
const FORGET_AFTER: Duration = Duration::from_secs(600);
/// Clients whose failures are remembered; beyond that the one longest ago is forgotten.
const MAX_CLIENTS: usize = 256;

/// Wording of appendix B.1.
const WRONG: &str = "Unknown user or password";
const UNSUPPORTED: &str = "Unsupport authentication protocol type";

/// Whether a request may go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It may.
    Granted,
    /// It may not.
    Refused {
        /// For the body.
        detail: &'static str,
        /// Seconds until this client is listened to again, while it is not.
        wait_s: Option<u64>,
    },
}

/// Verifies logins.
pub struct Auth {
    settings: Arc<Live>,
    clock: Arc<dyn Clock>,
    /// Makes the remembered digest worthless outside this process.
    key: [u8; 32],
    state: Mutex<State>,
    /// Held while a password is hashed: it takes memory and a core.
    hashing: Mutex<()>,
}

#[derive(Default)]
struct State {
    verified: Option<[u8; 32]>,
    failures: HashMap<IpAddr, Failures>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Mono,
    refused_until: Mono,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

/// A login as it came.
#[derive(Clone)]
pub struct Login {
    user: Vec<u8>,
    password: Vec<u8>,
}

impl Auth {
    /// Verifies against the account in `settings`.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] when the system gives no randomness.
    pub fn new(settings: Arc<Live>, clock: Arc<dyn Clock>) -> Result<Self> {
        let mut key = [0; 32];
        random(&mut key)?;
        Ok(Self { settings, clock, key, state: Mutex::default(), hashing: Mutex::default() })
    }

    /// Decides what can be decided at once; `Err` is a login whose password has to be hashed.
    ///
    /// # Errors
    /// The login to be given to [`Self::check`], on a thread that may block.
    pub fn look(&self, header: Option<&[u8]>, client: IpAddr) -> std::result::Result<Verdict, Login> {
        let refused = |detail| Ok(Verdict::Refused { detail, wait_s: None });
        let client = network(client);
        let Some(header) = header else { return refused(WRONG) };
        let Some(credentials) = basic(header) else { return refused(UNSUPPORTED) };
        let now = self.clock.mono();
        let wait = lock(&self.state).failures.get(&client).map(|f| f.refused_until.since(now));
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            return Ok(Verdict::Refused { detail: WRONG, wait_s: Some(wait.as_secs() + 1) });
        }
        let Some(login) = Login::read(credentials) else {
            self.failed(client);
            return refused(WRONG);
        };
        let account = &self.settings.now().account;
        if account.is_default() {
            let default = Login { user: DEFAULT.0.into(), password: DEFAULT.1.into() };
            let is_default = self.digest(&login, "").ct_eq(&self.digest(&default, ""));
            return Ok(self.settle(client, is_default.into()));
        }
        let digest = self.digest(&login, &account.password_hash);
        let verified = lock(&self.state).verified;
        if verified.is_some_and(|verified| verified.ct_eq(&digest).into()) {
            lock(&self.state).failures.remove(&client);
            return Ok(Verdict::Granted);
        }
        Err(login)
    }

    /// Decides over a login that [`Self::look`] left open. Takes long.
    #[must_use]
    pub fn check(&self, login: &Login, client: IpAddr) -> Verdict {
        let account = self.settings.now().account.clone();
        let same_user: bool = account.user.as_bytes().ct_eq(&login.user).into();
        // A wrong name costs as much time as a wrong password.
        let same_password = {
            let _one = lock(&self.hashing);
            verifies(&account, &login.password)
        };
        let granted = same_user && same_password;
        if granted {
            lock(&self.state).verified = Some(self.digest(login, &account.password_hash));
        }
        self.settle(network(client), granted)
    }

    fn settle(&self, client: IpAddr, granted: bool) -> Verdict {
        if granted {
            lock(&self.state).failures.remove(&client);
            return Verdict::Granted;
        }
        self.failed(client);
        Verdict::Refused { detail: WRONG, wait_s: None }
    }

    fn failed(&self, client: IpAddr) {
        let now = self.clock.mono();
        let failures = &mut lock(&self.state).failures;
        failures.retain(|_, f| now.since(f.last) < FORGET_AFTER);
        if failures.len() >= MAX_CLIENTS && !failures.contains_key(&client) {
            let oldest = failures.iter().min_by_key(|(_, f)| f.last).map(|(client, _)| *client);
            oldest.map(|oldest| failures.remove(&oldest));
        }
        let entry = failures.entry(client).or_insert(Failures { count: 0, last: now, refused_until: now });
        entry.count = entry.count.saturating_add(1);
        entry.last = now;
        if let Some(beyond) = entry.count.checked_sub(FREE_FAILURES) {
            let wait = Duration::from_secs(1 << beyond.min(16)).min(LONGEST_REFUSAL);
            entry.refused_until = now.after(wait);
            tracing::warn!(%client, failures = entry.count, wait_s = wait.as_secs(), "logins keep failing");
        }
    }

    /// Bound to the stored hash, so that a new password forgets what was verified.
    fn digest(&self, login: &Login, hash: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.key);
        for part in [&login.user[..], &login.password, hash.as_bytes()] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}

impl Login {
    fn read(credentials: &[u8]) -> Option<Self> {
        let decoded = STANDARD.decode(credentials.trim_ascii()).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        Some(Self { user: decoded[..colon].to_vec(), password: decoded[colon + 1..].to_vec() })
    }
}

fn basic(header: &[u8]) -> Option<&[u8]> {
    let (scheme, credentials) = header.trim_ascii().split_at_checked(6)?;
    scheme.eq_ignore_ascii_case(b"basic ").then_some(credentials)
}

/// Whose failures count together: an address, of IPv6 the network, within which a client may roam.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// 4 MiB and two passes: a fraction of a second on the slowest board, and never much of its memory.
fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(4096, 2, 1, None).map_err(|e| Error::new(Fault::Unavailable, e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The salted hash of a password, as PHC string.
///
/// # Errors
/// [`Fault::Unavailable`] when the system gives no randomness.
pub fn hash(password: &str) -> Result<String> {
    let mut salt = [0; 16];
    random(&mut salt)?;
    argon2()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|e| Error::new(Fault::Unavailable, format!("password: {e}")))
}

fn verifies(account: &Account, password: &[u8]) -> bool {
    argon2().is_ok_and(|argon2| argon2.verify_password(password, account.password_hash.as_str()).is_ok())
}

/// Fills with chance.
///
/// # Errors
/// [`Fault::Unavailable`] when the system gives none.
pub(super) fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|e| Error::new(Fault::Unavailable, "no randomness").because(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use jiff::Timestamp;

    fn auth() -> (Auth, Arc<Live>, Arc<ManualClock>) {
        let settings = Live::unkept();
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        (Auth::new(settings.clone(), clock.clone()).unwrap(), settings, clock)
    }

    fn header(login: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(login)).into_bytes()
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn ask(auth: &Auth, header: Option<&[u8]>, client: IpAddr) -> Verdict {
        auth.look(header, client).unwrap_or_else(|login| auth.check(&login, client))
    }

    #[test]
    fn the_default_login_holds_until_a_password_is_set() {
        let (auth, settings, _) = auth();
        assert_eq!(ask(&auth, Some(&header("admin:admin")), HERE), Verdict::Granted);
        assert_eq!(ask(&auth, Some(b"basic YWRtaW46YWRtaW4="), HERE), Verdict::Granted);
        let refused = |detail| Verdict::Refused { detail, wait_s: None };
        assert_eq!(ask(&auth, Some(&header("admin:admin2")), HERE), refused(WRONG));
        assert_eq!(ask(&auth, Some(b"Basic ***"), HERE), refused(WRONG));
        assert_eq!(ask(&auth, None, HERE), refused(WRONG));
        assert_eq!(ask(&auth, Some(b"Digest username=\"admin\""), HERE), refused(UNSUPPORTED));
        let password_hash = hash("p:w").unwrap();
        settings
            .change::<Account>(|a| {
                *a = Account { user: "root".into(), password_hash };
                Ok(())
            })
            .unwrap();
        assert_eq!(ask(&auth, Some(&header("admin:admin")), HERE), refused(WRONG));
        assert_eq!(ask(&auth, Some(&header("root2:p:w")), HERE), refused(WRONG));
        assert_eq!(ask(&auth, Some(&header("root:p:w")), HERE), Verdict::Granted);
        assert!(auth.look(Some(&header("root:p:w")), HERE).is_ok(), "the second time is remembered");
        let password_hash = hash("new").unwrap();
        settings
            .change::<Account>(|a| {
                a.password_hash = password_hash;
                Ok(())
            })
            .unwrap();
        assert_eq!(ask(&auth, Some(&header("root:p:w")), HERE), refused(WRONG));
    }

    #[test]
    fn hashes_are_salted_and_hide_the_password() {
        let (a, b) = (hash("secret").unwrap(), hash("secret").unwrap());
        assert!(a != b && a.starts_with("$argon2id$v=19$m=4096,t=2,p=1$") && !a.contains("secret"), "{a}");
    }

    #[test]
    fn who_keeps_failing_waits_longer_and_longer_alone() {
        let (auth, _, clock) = auth();
        let other: IpAddr = "192.168.2.7".parse().unwrap();
        let (wrong, right) = (header("admin:no"), header("admin:admin"));
        let waits = |v| matches!(v, Verdict::Refused { wait_s: Some(_), .. });
        for _ in 0..FREE_FAILURES - 1 {
            assert!(!waits(ask(&auth, Some(&wrong), HERE)));
        }
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert!(!waits(ask(&auth, Some(&wrong), HERE)));
            clock.advance(Duration::from_millis(seconds * 1000 - 1));
            assert!(waits(ask(&auth, Some(&right), HERE)), "{seconds} s");
            assert_eq!(ask(&auth, Some(&right), other), Verdict::Granted);
            clock.advance(Duration::from_millis(1));
        }
        assert_eq!(ask(&auth, Some(&right), HERE), Verdict::Granted);
        assert!(!waits(ask(&auth, Some(&wrong), HERE)), "a success clears the slate");
    }

    #[test]
    fn the_table_of_failures_is_bounded() {
        let (auth, _, _) = auth();
        for n in 0..1000_u32 {
            let client = IpAddr::from(n.to_be_bytes());
            let _ = ask(&auth, Some(&header("a:b")), client);
        }
        assert_eq!(lock(&auth.state).failures.len(), MAX_CLIENTS);
    }
}
