//! What a profile says of new software, and the little of a profile that the launcher needs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::field::Int;
use crate::strict::Section;

/// Attempts without a word of the profile.
const ATTEMPTS: u32 = 3;

/// New software.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upgrade {
    /// Folder of the keys that packages are verified with.
    pub keys: PathBuf,
    /// How long a new release has to prove itself.
    pub confirm: Duration,
    /// How many starts of a new release may end by themselves before the one before is started again.
    pub attempts: u32,
}

impl Default for Upgrade {
    fn default() -> Self {
        Self { keys: "/etc/facegate/keys".into(), confirm: Duration::from_secs(60), attempts: ATTEMPTS }
    }
}

pub(super) fn read(s: &mut Section<'_>) -> Option<Upgrade> {
    let usual = Upgrade::default();
    let (keys, confirm) = (s.or("keys", usual.keys), s.or::<Int<1, 600>>("confirm_s", Int::of(60)));
    let attempts = s.or::<Int<1, 20>>("attempts", Int::of(ATTEMPTS.into()));
    Some(Upgrade { keys: keys?, confirm: Duration::from_secs(confirm?.u32().into()), attempts: attempts?.u32() })
}

/// What the launcher and root's part read of a profile. A profile of newer software has keys that it does not know: it has to start that
/// software all the same, which then judges the profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Essentials {
    /// The board's name; `None`: the profile does not say.
    pub name: Option<String>,
    /// As [`Upgrade::keys`].
    pub keys: PathBuf,
    /// Folder of all data; `None`: the profile does not say.
    pub data: Option<PathBuf>,
    /// As [`Upgrade::attempts`].
    pub attempts: u32,
}

impl Essentials {
    /// Of the profile in a file, as far as it can be read.
    #[must_use]
    pub fn of(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let table: toml::Table = text.parse().unwrap_or_default();
        let data = table.get("storage").and_then(|section| section.get("data")?.as_str()).map(PathBuf::from);
        let name = table.get("name").and_then(|name| name.as_str()).map(str::to_owned);
        let keys = table.get("upgrade").and_then(|section| section.get("keys")?.as_str()).map(PathBuf::from);
        let attempts = table.get("upgrade").and_then(|section| section.get("attempts")?.as_integer());
        let attempts = attempts.and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=20).contains(n));
        let keys = keys.unwrap_or_else(|| Upgrade::default().keys);
        Self { name, keys, data, attempts: attempts.unwrap_or(ATTEMPTS) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{Board, SIM};

    #[test]
    fn the_launcher_understands_profiles_it_does_not_know() {
        let folder = tempfile::tempdir().unwrap();
        let (etc, own) = ("/etc/facegate/keys", "/k");
        for (text, name, keys, data, attempts) in [
            (SIM.to_owned(), Some("sim"), etc, Some("facegate-data"), 3),
            (format!("{SIM}\n[upgrade]\nattempts = 7\nkeys = \"/k\"\n"), Some("sim"), own, Some("facegate-data"), 7),
            (
                format!("{SIM}\n[upgrade]\nattempts = 0\n[gate]\nturnstile = [1]\n"),
                Some("sim"),
                etc,
                Some("facegate-data"),
                3,
            ),
            ("[storage]\ndata = 3\n".to_owned(), None, etc, None, 3),
            ("no profile".to_owned(), None, etc, None, 3),
        ] {
            let file = folder.path().join("board.toml");
            std::fs::write(&file, &text).unwrap();
            let (name, keys, data) = (name.map(str::to_owned), keys.into(), data.map(PathBuf::from));
            assert_eq!(Essentials::of(&file), Essentials { name, keys, data, attempts }, "{text}");
        }
    }

    #[test]
    fn upgrades_have_limits() {
        let section = |keys: &str| Board::parse("a.toml", &format!("{SIM}\n[upgrade]\n{keys}\n"));
        assert_eq!(section("").unwrap().upgrade, Upgrade::default());
        let set = section("keys = \"/k\"\nconfirm_s = 5\nattempts = 1").unwrap().upgrade;
        assert_eq!(set, Upgrade { keys: "/k".into(), confirm: Duration::from_secs(5), attempts: 1 });
        for (keys, part) in [
            ("confirm_s = 0", "upgrade.confirm_s = 0: 0 is outside 1..600"),
            ("attempts = 0", "upgrade.attempts = 0: 0 is outside 1..20"),
            ("key = \"x\"", "upgrade.key = \"x\": unknown key"),
        ] {
            let problems = section(keys).unwrap_err().to_string();
            assert!(problems.contains(part), "{part} not in {problems}");
        }
    }
}
