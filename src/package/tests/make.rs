use std::os::unix::fs::symlink;

use super::*;

fn recipe() -> Recipe {
    Recipe {
        name: RELEASE.to_owned(),
        version: Version::new(1, 2, 3),
        minimum: Some(Version::new(1, 0, 0)),
        boards: vec!["sim".to_owned()],
        target: Some(TARGET.to_owned()),
        downgrade: false,
        data_format: 1,
    }
}

/// Writes the files of a release into a folder of the rig, in the order given.
fn tree<'a>(rig: &Rig, name: &str, paths: impl IntoIterator<Item = &'a str>) -> PathBuf {
    let folder = rig.path(name);
    for path in paths {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, path.repeat(100)).unwrap();
    }
    folder
}

const FILES: [&str; 5] = ["facegate", "models/z", "models/deep/a", "keys/next.pub", "units/facegate.service"];

fn quiet() -> impl FnMut(u64, u64) {
    |_, _| ()
}

fn plain_key(rig: &Rig) -> SigningKey {
    if !rig.path("vendor.key").exists() {
        keygen(&rig.path("vendor"), None).unwrap();
        fs::copy(rig.path("vendor.pub"), rig.path("keys/vendor.pub")).unwrap();
    }
    SigningKey::load(&rig.path("vendor.key"), &mut || panic!("it has no passphrase")).unwrap()
}

#[test]
fn the_same_files_give_the_same_bytes_signature_included() {
    let rig = Rig::new();
    let key = plain_key(&rig);
    let one = tree(&rig, "one", FILES);
    let other = tree(&rig, "other", FILES.into_iter().rev());
    fs::set_permissions(other.join("models/z"), PermissionsExt::from_mode(0o600)).unwrap();
    fs::File::open(other.join("facegate")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let (a, b) = (rig.path("a.swx"), rig.path("b.swx"));
    let manifest = build(&one, &recipe(), &a, &mut quiet()).unwrap();
    build(&other, &recipe(), &b, &mut quiet()).unwrap();
    assert_eq!(fs::read(&a).unwrap(), fs::read(&b).unwrap());
    let paths: Vec<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["facegate", "keys/next.pub", "models/deep/a", "models/z", "units/facegate.service"]);
    assert_eq!(
        names(rig.folder.path()).iter().filter(|path| path.to_string_lossy().contains(".part")).count(),
        0,
        "nothing is left beside it"
    );

    assert!(matches!(verify(&a, &rig.keys(), &Expect::default()), Err(Refusal::Unsigned)));
    sign(&a, &key, &mut quiet()).unwrap();
    sign(&b, &key, &mut quiet()).unwrap();
    let once = fs::read(&a).unwrap();
    assert_eq!(once, fs::read(&b).unwrap());
    sign(&a, &key, &mut quiet()).unwrap();
    assert_eq!(once, fs::read(&a).unwrap(), "signing again changes nothing");

    let verified = verify(&a, &rig.keys(), &Expect::release("sim", Version::new(1, 1, 0), 1)).unwrap();
    assert_eq!((verified.manifest(), verified.signer()), (&manifest, key.id()));
    verified.unpack(&rig.path("out"), &mut quiet()).unwrap();
    for path in FILES {
        assert_eq!(fs::read(rig.path("out").join(path)).unwrap(), path.repeat(100).as_bytes(), "{path}");
    }
}

#[test]
fn progress_comes_to_its_end() {
    let rig = Rig::new();
    let folder = tree(&rig, "one", FILES);
    fs::write(folder.join("models/large"), vec![1; 1 << 20]).unwrap();
    let mut told = Vec::new();
    let manifest = build(&folder, &recipe(), &rig.path("a.swx"), &mut |done, total| told.push((done, total))).unwrap();
    let runs = |told: &[(u64, u64)]| {
        assert!(told.is_sorted() && told.iter().all(|(_, total)| *total == manifest.size()), "{told:?}");
        assert_eq!(told.last(), Some(&(manifest.size(), manifest.size())));
    };
    runs(&told);
    sign(&rig.path("a.swx"), &plain_key(&rig), &mut quiet()).unwrap();
    let verified = verify(&rig.path("a.swx"), &rig.keys(), &Expect::default()).unwrap();
    told.clear();
    verified.unpack(&rig.path("out"), &mut |done, total| told.push((done, total))).unwrap();
    runs(&told);
}

#[test]
fn what_is_no_plain_file_or_has_no_place_in_a_package_stops_the_build() {
    let rig = Rig::new();
    type Row = (&'static str, fn(&Path), &'static str);
    let spoil: [Row; 9] = [
        ("a link", |f| symlink("/etc/passwd", f.join("models/x")).unwrap(), "models/x: is a link"),
        ("a link to a folder", |f| symlink("/etc", f.join("models/x")).unwrap(), "models/x: is a link"),
        ("a broken link", |f| symlink("nothing", f.join("models/x")).unwrap(), "models/x: is a link"),
        (
            "a socket",
            |f| drop(std::os::unix::net::UnixListener::bind(f.join("models/x")).unwrap()),
            "models/x: is a device, pipe or socket",
        ),
        ("an unknown kind", |f| fs::write(f.join("README"), "").unwrap(), "\"README\" of the package should be"),
        ("a hidden file", |f| fs::write(f.join("models/.x"), "").unwrap(), "\"models/.x\" of the package should have"),
        ("a blank", |f| fs::write(f.join("models/a b"), "").unwrap(), "\"models/a b\" of the package should have"),
        ("no daemon", |f| fs::remove_file(f.join("facegate")).unwrap(), "should hold the daemon"),
        (
            "a large file",
            |f| fs::File::create(f.join("models/x")).unwrap().set_len((1 << 30) + 1).unwrap(),
            "all files in bytes",
        ),
    ];
    for (what, spoil, why) in spoil {
        let folder = tree(&rig, what, FILES);
        spoil(&folder);
        fs::write(rig.path("a.swx"), "what was there before").unwrap();
        let problem = build(&folder, &recipe(), &rig.path("a.swx"), &mut quiet()).unwrap_err().to_string();
        assert!(problem.contains(why), "{what}: {why:?} not in {problem:?}");
        assert_eq!(fs::read(rig.path("a.swx")).unwrap(), b"what was there before", "{what}");
        assert!(!rig.path("a.swx.part").exists() && !rig.path("a.swx.parts").exists(), "{what}");
    }
    let problem = build(&rig.path("nowhere"), &recipe(), &rig.path("a.swx"), &mut quiet()).unwrap_err();
    assert!(matches!(problem, Problem::Io { .. }), "{problem}");
}

#[test]
fn a_daemon_for_another_processor_than_the_target_says_is_no_release() {
    let rig = Rig::new();
    let folder = tree(&rig, "one", FILES);
    // A header as far as the number of its processor.
    let elf = |machine: u16| [&b"\x7FELF\x02\x01\x01"[..], &[0; 11], &machine.to_le_bytes()].concat();
    for (machine, target, why) in [
        (183, "aarch64-unknown-linux-gnu", None),
        (62, "x86_64-unknown-linux-gnu", None),
        (40, "armv7-unknown-linux-gnueabihf", None),
        (243, "riscv64gc-unknown-linux-gnu", None),
        (62, "banana", Some("is built for x86_64; --target says banana")),
        (
            62,
            "aarch64-unknown-linux-gnu",
            Some("facegate: is built for x86_64; --target says aarch64-unknown-linux-gnu"),
        ),
        (183, "armv7-unknown-linux-gnueabihf", Some("is built for aarch64; --target says armv7")),
        (243, "armv7-unknown-linux-gnueabihf", Some("is built for another processor; --target says armv7")),
    ] {
        fs::write(folder.join("facegate"), elf(machine)).unwrap();
        let recipe = Recipe { target: Some(target.to_owned()), ..recipe() };
        let problem =
            build(&folder, &recipe, &rig.path("a.swx"), &mut quiet()).err().map(|problem| problem.to_string());
        assert!(problem.as_deref().unwrap_or_default().contains(why.unwrap_or_default()), "{target}: {problem:?}");
        assert_eq!(problem.is_some(), why.is_some(), "{target}: {problem:?}");
    }
}

#[test]
fn a_public_key_signs_nothing() {
    let rig = Rig::new();
    let problem = SigningKey::load(&rig.path("keys/vendor.pub"), &mut || panic!("nothing to ask for")).unwrap_err();
    let says = problem.to_string();
    assert!(says.contains("keys/vendor.pub: this is no secret key"), "{says}");
}

#[test]
fn nobody_signs_what_would_be_refused() {
    let rig = Rig::new();
    let key = plain_key(&rig);
    let bad = Crafted::new().with_part("models/x", 1, &sha256(b"x"), &frame(b"y"));
    let table = [
        ("garbage", b"garbage".to_vec(), "is no package"),
        ("a bad path", Crafted::new().with("../x", b"").signed(&rig.key.sk), "\"../x\""),
        ("a bad sum", bad.signed(&rig.key.sk), "sha256"),
    ];
    for (what, package, why) in table {
        fs::write(rig.path("a.swx"), &package).unwrap();
        let problem = sign(&rig.path("a.swx"), &key, &mut quiet()).unwrap_err().to_string();
        assert!(problem.contains(why), "{what}: {problem}");
        assert_eq!(fs::read(rig.path("a.swx")).unwrap(), package, "{what}");
    }
}

#[test]
fn keys_are_minisigns_own_files_and_stay_where_they_are() {
    let rig = Rig::new();
    keygen(&rig.path("vendor"), None).unwrap();
    let secret = rig.path("vendor.key");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&secret).unwrap();
    minisign::SecretKeyBox::from(text.clone()).into_unencrypted_secret_key().unwrap();
    minisign::PublicKey::from_file(rig.path("vendor.pub")).unwrap();

    assert!(keygen(&rig.path("vendor"), None).is_err(), "the name is taken");
    fs::remove_file(&secret).unwrap();
    assert!(keygen(&rig.path("vendor"), None).is_err(), "half of the name is taken");
    assert!(!secret.exists(), "half a pair is not left");

    let mut ask = || panic!("it has no passphrase");
    // As `minisign -G -W` writes it: no sum.
    let mut bytes = minisign::SecretKeyBox::from(text.clone()).into_unencrypted_secret_key().unwrap().to_bytes();
    bytes[126..].fill(0);
    let without_sum = minisign::SecretKey::from_bytes(&bytes).unwrap().to_box(None).unwrap().into_string();
    fs::write(&secret, without_sum).unwrap();
    SigningKey::load(&secret, &mut ask).unwrap();

    for (what, text) in [("cut", &text[..100]), ("changed", &text.replacen('A', "B", 20))] {
        fs::write(&secret, text).unwrap();
        assert!(matches!(SigningKey::load(&secret, &mut ask), Err(Problem::Key { .. })), "{what}");
    }
}
