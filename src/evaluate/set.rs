//! The pictures: who is on which, and which show attacks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::RgbImage;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Failure;
use crate::vision::{PictureLimits, decode_picture};

/// A picture of a known person, whose face is the largest one in it.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    /// As the list names it.
    pub(super) file: String,
    /// Who it is.
    pub(super) identity: String,
    pub(super) path: PathBuf,
}

/// Pictures of one kind of attack, or of people where `bona_fide`.
#[derive(Clone, Debug)]
pub(super) struct Species {
    pub(super) name: String,
    pub(super) bona_fide: bool,
    pub(super) paths: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct FaceRow {
    file: String,
    identity: String,
}

#[derive(Deserialize)]
struct AttackRow {
    file: String,
    label: String,
}

/// Reads the list `faces`; files are beside it.
pub(super) fn pictures(faces: &Path) -> Result<Vec<Picture>, Failure> {
    let folder = faces.parent().unwrap_or(Path::new("."));
    let rows: Vec<FaceRow> = rows(faces, "file,identity")?;
    let pictures: Vec<_> = rows
        .into_iter()
        .map(|FaceRow { file, identity }| Picture { path: folder.join(&file), file, identity })
        .collect();
    if pictures.is_empty() {
        return Err(format!("{}: lists no pictures", faces.display()).into());
    }
    Ok(pictures)
}

/// Reads the folder `attacks`: a list in it with the columns `file` and `label` says what its pictures are; without one,
/// each folder in it is a kind of attack, and what lies in it directly is one more.
pub(super) fn attacks(attacks: &Path) -> Result<Vec<Species>, Failure> {
    let entries = listing(attacks)?;
    let mut species = BTreeMap::<String, Vec<PathBuf>>::new();
    if let Some(list) = entries.iter().find(|path| path.extension().is_some_and(|e| e == "csv")) {
        for AttackRow { file, label } in rows(list, "file,label")? {
            species.entry(label).or_default().push(attacks.join(file));
        }
    } else {
        let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        for path in entries {
            if path.is_dir() {
                let pictures: Vec<_> = listing(&path)?.into_iter().filter(|p| is_picture(p)).collect();
                species.entry(name(&path)).or_default().extend(pictures);
            } else if is_picture(&path) {
                species.entry(name(attacks)).or_default().push(path);
            }
        }
    }
    species.retain(|_, paths| !paths.is_empty());
    if species.is_empty() {
        return Err(format!("{}: has no pictures and no list of them", attacks.display()).into());
    }
    let bona_fide = |name: &str| ["real", "live", "bona fide", "bona_fide"].contains(&name.to_lowercase().as_str());
    Ok(species.into_iter().map(|(name, paths)| Species { bona_fide: bona_fide(&name), name, paths }).collect())
}

/// Reads and unfolds a picture.
pub(super) fn read(path: &Path) -> Result<RgbImage, Failure> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(decode_picture(&bytes, PictureLimits::default()).map_err(|e| format!("{}: {e}", path.display()))?)
}

fn rows<T: DeserializeOwned>(list: &Path, columns: &str) -> Result<Vec<T>, Failure> {
    let wrong = |e: csv::Error| format!("{}: {e}; the columns {columns} are needed", list.display());
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(list).map_err(wrong)?;
    Ok(reader.deserialize().collect::<Result<_, _>>().map_err(wrong)?)
}

fn listing(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut paths = entries.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|e| ["jpg", "jpeg", "png", "bmp"].contains(&e.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_name_people_whatever_else_they_say() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("faces.csv");
        std::fs::write(&list, "file,identity,source\na.jpg,p1,\"x, y\"\nb.jpg,p2,z\n").unwrap();
        let found: Vec<_> = pictures(&list).unwrap().into_iter().map(|p| (p.file, p.identity, p.path)).collect();
        let row = |file: &str, who: &str| (file.to_owned(), who.to_owned(), folder.path().join(file));
        assert_eq!(found, [row("a.jpg", "p1"), row("b.jpg", "p2")]);
        std::fs::write(&list, "name,identity\na.jpg,p1\n").unwrap();
        let error = pictures(&list).unwrap_err().to_string();
        assert!(error.contains("faces.csv") && error.contains("the columns file,identity are needed"), "{error}");
    }

    #[test]
    fn attacks_are_told_apart_by_folder_or_list() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["print/1.jpg", "print/notes.txt", "screen/2.PNG", "loose.jpg", "empty/readme.md"] {
            std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            std::fs::write(at(name), "").unwrap();
        }
        let own = folder.path().file_name().unwrap().to_string_lossy().into_owned();
        let found = |attacks: Vec<Species>| -> BTreeMap<String, (bool, usize)> {
            attacks.into_iter().map(|s| (s.name, (s.bona_fide, s.paths.len()))).collect()
        };
        let wanted = [("print".to_owned(), (false, 1)), ("screen".to_owned(), (false, 1)), (own, (false, 1))];
        assert_eq!(found(attacks(folder.path()).unwrap()), wanted.into());
        std::fs::write(at("list.csv"), "file,label,source\nloose.jpg,real,x\nprint/1.jpg,spoof,y\n").unwrap();
        let wanted = [("real".to_owned(), (true, 1)), ("spoof".to_owned(), (false, 1))];
        assert_eq!(found(attacks(folder.path()).unwrap()), wanted.into());
    }
}
