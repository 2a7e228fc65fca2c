//! The pictures: who is on which, and which show attacks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::RgbImage;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Failure;
use crate::vision::portrait::is_picture;
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
    /// Names below the folder of attacks, and where they are.
    pub(super) pictures: Vec<(String, PathBuf)>,
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
    there(faces, pictures.iter().map(|picture| &*picture.path))?;
    Ok(pictures)
}

/// Reads the folder `attacks`: a list in it with the columns `file` and `label` says what its pictures are; without one,
/// each folder in it is a kind of attack, and what lies in it directly is one more.
pub(super) fn attacks(attacks: &Path) -> Result<Vec<Species>, Failure> {
    let entries = listing(attacks)?;
    let mut species = BTreeMap::<String, Vec<(String, PathBuf)>>::new();
    let below = |path: &Path| path.strip_prefix(attacks).unwrap_or(path).to_string_lossy().into_owned();
    if let Some(list) = entries.iter().find(|path| path.extension().is_some_and(|e| e == "csv")) {
        for AttackRow { file, label } in rows(list, "file,label")? {
            let path = attacks.join(&file);
            species.entry(label).or_default().push((file, path));
        }
        there(list, species.values().flatten().map(|(_, path)| &**path))?;
    } else {
        let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        for path in entries {
            if path.is_dir() {
                let kind = species.entry(name(&path)).or_default();
                kind.extend(pictures_below(&path)?.into_iter().map(|path| (below(&path), path)));
            } else if is_picture(&path) {
                species.entry(name(attacks)).or_default().push((below(&path), path));
            }
        }
    }
    species.retain(|_, pictures| !pictures.is_empty());
    if species.is_empty() {
        return Err(format!("{}: has no pictures and no list of them", attacks.display()).into());
    }
    let bona_fide = |name: &str| ["real", "live", "bona fide", "bona_fide"].contains(&name.to_lowercase().as_str());
    Ok(species.into_iter().map(|(name, pictures)| Species { bona_fide: bona_fide(&name), name, pictures }).collect())
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

/// All pictures in a folder and the folders in it.
fn pictures_below(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in listing(folder)? {
        if path.is_dir() {
            found.extend(pictures_below(&path)?);
        } else if is_picture(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

/// A picture that is missing is told before hours are spent on the others.
fn there<'a>(list: &Path, mut pictures: impl Iterator<Item = &'a Path>) -> Result<(), Failure> {
    match pictures.find(|picture| !picture.is_file()) {
        Some(missing) => Err(format!("{}: {} is not there", list.display(), missing.display()).into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_name_people_whatever_else_they_say() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("faces.csv");
        std::fs::write(&list, "file,identity,source\na.jpg,p1,\"x, y\"\nb.jpg,p2,z\n").unwrap();
        std::fs::write(folder.path().join("a.jpg"), "").unwrap();
        let error = pictures(&list).unwrap_err().to_string();
        assert!(error.ends_with("b.jpg is not there"), "{error}");
        std::fs::write(folder.path().join("b.jpg"), "").unwrap();
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
        for name in
            ["print/a/1.jpg", "print/b/1.jpg", "print/notes.txt", "screen/2.PNG", "loose.jpg", "empty/readme.md"]
        {
            std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            std::fs::write(at(name), "").unwrap();
        }
        let own = folder.path().file_name().unwrap().to_string_lossy().into_owned();
        let found = |attacks: Vec<Species>| -> BTreeMap<String, (bool, Vec<String>)> {
            let names = |pictures: Vec<(String, PathBuf)>| pictures.into_iter().map(|(name, _)| name).collect();
            attacks.into_iter().map(|s| (s.name, (s.bona_fide, names(s.pictures)))).collect()
        };
        let kind = |name: &str, bona_fide, pictures: &[&str]| {
            (name.to_owned(), (bona_fide, pictures.iter().map(|name| (*name).to_owned()).collect()))
        };
        let wanted = [
            kind("print", false, &["print/a/1.jpg", "print/b/1.jpg"]),
            kind("screen", false, &["screen/2.PNG"]),
            kind(&own, false, &["loose.jpg"]),
        ];
        assert_eq!(found(attacks(folder.path()).unwrap()), wanted.into());
        std::fs::write(at("list.csv"), "file,label,source\nloose.jpg,real,x\nprint/a/1.jpg,spoof,y\n").unwrap();
        let wanted = [kind("real", true, &["loose.jpg"]), kind("spoof", false, &["print/a/1.jpg"])];
        assert_eq!(found(attacks(folder.path()).unwrap()), wanted.into());
    }
}
