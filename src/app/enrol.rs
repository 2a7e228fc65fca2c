//! People from a folder of photos, for a terminal that is tried out.

use std::path::{Path, PathBuf};

use tracing::{info, warn};

use super::Failure;
use crate::access::Person;
use crate::clock::Clock;
use crate::field::Text;
use crate::roster::Roster;
use crate::settings::Live;
use crate::store::Store;
use crate::vision::portrait::is_picture;

/// Enrols every photo of a folder whose name nobody bears yet.
pub(super) fn folder(
    roster: &Roster,
    store: &Store,
    settings: &Live,
    clock: &dyn Clock,
    folder: &Path,
) -> Result<(), Failure> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut photos: Vec<PathBuf> =
        entries.filter_map(|entry| entry.ok().map(|e| e.path())).filter(|path| is_picture(path)).collect();
    photos.sort();
    let known: std::collections::HashSet<String> = store.people().iter().map(|p| p.name.clone()).collect();
    for (number, photo) in photos.iter().enumerate() {
        let stem = photo.file_stem().unwrap_or_default().to_string_lossy();
        let name = match Text::<31>::new(stem.chars().take(31).collect::<String>()) {
            Ok(name) => name.into_string(),
            Err(why) => {
                warn!(photo = %photo.display(), why, "not enrolled");
                continue;
            }
        };
        if known.contains(&name) {
            continue;
        }
        let person = Person { name, ..Person::new(settings.now().ntp.local(clock.wall())) };
        let bytes = std::fs::read(photo).map_err(|e| format!("{}: {e}", photo.display()))?;
        match roster.enrol(person, &bytes, None) {
            Ok(id) => info!(photo = %photo.display(), id = id.0, "enrolled {} of {}", number + 1, photos.len()),
            Err(error) => warn!(photo = %photo.display(), %error, "not enrolled"),
        }
    }
    Ok(())
}
