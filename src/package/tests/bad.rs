use super::*;

#[test]
fn a_package_cut_short_at_any_length_is_refused() {
    let rig = Rig::new();
    let package = Crafted::new().signed(&rig.key.sk);
    for length in 0..package.len() {
        let refusal = rig.refused(&package[..length], &Expect::default());
        let fits = match length {
            0 => matches!(refusal, Refusal::NotAPackage),
            _ => matches!(refusal, Refusal::Length { found, .. } if found == length as u64),
        };
        assert!(fits, "{length}: {refusal}");
    }
}

#[test]
fn a_package_with_a_bit_flipped_anywhere_is_refused() {
    let rig = Rig::new();
    let package = Crafted::new().signed(&rig.key.sk);
    for at in 0..package.len() {
        // All eight where no signature keeps watch; one behind.
        for bit in if at < 512 { 0..8 } else { at % 8..at % 8 + 1 } {
            let mut package = package.clone();
            package[at] ^= 1 << bit;
            let refusal = rig.refused(&package, &Expect::default());
            let fits = match at {
                0..24 => matches!(
                    refusal,
                    Refusal::NotAPackage | Refusal::Format { .. } | Refusal::Length { .. } | Refusal::Limit { .. }
                ),
                24..512 => {
                    matches!(refusal, Refusal::SignatureForm(_) | Refusal::Signature(_) | Refusal::UnknownKey { .. })
                }
                _ => matches!(refusal, Refusal::Signature(_)),
            };
            assert!(fits, "byte {at}, bit {bit}: {refusal}");
        }
    }
}

#[test]
fn what_is_no_package_or_not_all_of_one_is_refused() {
    let rig = Rig::new();
    let good = Crafted::new().signed(&rig.key.sk);
    let with_lengths = |manifest: u32, parts: u64| {
        let mut package = good.clone();
        package[12..16].copy_from_slice(&manifest.to_be_bytes());
        package[16..24].copy_from_slice(&parts.to_be_bytes());
        package
    };
    let (there, parts) = (u32::from_be_bytes(*good[12..].first_chunk().unwrap()), Crafted::new().parts.len() as u64);
    let table: [(&str, Vec<u8>, Fits); 9] = [
        ("empty", Vec::new(), |r| matches!(r, Refusal::NotAPackage)),
        ("garbage", b"PK\x03\x04 something else".repeat(100), |r| matches!(r, Refusal::NotAPackage)),
        ("a byte behind it", [good.as_slice(), b"\0"].concat(), |r| matches!(r, Refusal::Length { .. })),
        ("twice", good.repeat(2), |r| matches!(r, Refusal::Length { .. })),
        ("larger than it says", with_lengths(there, parts - 1), |r| matches!(r, Refusal::Length { .. })),
        ("a huge manifest", with_lengths(u32::MAX, parts), |r| matches!(r, Refusal::Limit { .. })),
        ("huge parts", with_lengths(there, u64::MAX), |r| matches!(r, Refusal::Limit { .. })),
        // The lengths are signed: moving the border between manifest and parts is found out before either is parsed.
        ("another border", with_lengths(there - 1, parts + 1), |r| matches!(r, Refusal::Signature(_))),
        ("no manifest", with_lengths(0, parts + u64::from(there)), |r| matches!(r, Refusal::Signature(_))),
    ];
    for (what, package, fits) in table {
        let refusal = rig.refused(&package, &Expect::default());
        assert!(fits(&refusal), "{what}: {refusal}");
    }
    let keys = rig.keys();
    assert!(matches!(verify(rig.folder.path(), &keys, &Expect::default()), Err(Refusal::NotAPackage)), "a folder");
    assert!(matches!(verify(Path::new("/dev/zero"), &keys, &Expect::default()), Err(Refusal::NotAPackage)), "a device");
    assert!(matches!(verify(&rig.path("nothing"), &keys, &Expect::default()), Err(Refusal::Io { .. })), "nothing");
}

#[test]
fn signatures_of_other_kinds_forms_and_keys_are_refused() {
    let rig = Rig::new();
    let good = Crafted::new().signed(&rig.key.sk);
    let text = String::from_utf8(good[24..512].split(|byte| *byte == 0).next().unwrap().to_vec()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let with_block = |block: &str| {
        let mut package = good.clone();
        package[24..512].fill(0);
        package[24..24 + block.len()].copy_from_slice(block.as_bytes());
        package
    };
    let with_line = |number: usize, line: &str| {
        let mut lines = lines.clone();
        lines[number] = line;
        with_block(&(lines.join("\n") + "\n"))
    };
    // `Ed` in the place of `ED`: a signature of the bytes themselves, which would need all of them in memory.
    let legacy = lines[1].replacen("RU", "RW", 1);
    let other = KeyPair::generate_unencrypted_keypair().unwrap();
    // The name of the trusted key before the signature of another.
    let mut borrowed = SecretKey::from_bytes(&other.sk.to_bytes()).unwrap().to_bytes();
    borrowed[54..62].copy_from_slice(rig.key.sk.keynum());
    let borrowed = Crafted::new().signed(&SecretKey::from_bytes(&borrowed).unwrap());
    let table: [(&str, Vec<u8>, Fits); 10] = [
        ("unsigned", with_block(""), |r| matches!(r, Refusal::Unsigned)),
        ("no lines", with_block("signed, honestly"), |r| matches!(r, Refusal::SignatureForm(_))),
        ("short signature", with_line(1, "RUQ="), |r| matches!(r, Refusal::SignatureForm(_))),
        ("short global signature", with_line(3, "AAAA"), |r| matches!(r, Refusal::SignatureForm(_))),
        ("legacy", with_line(1, &legacy), |r| matches!(r, Refusal::SignatureForm(why) if why.contains("prehashed"))),
        ("another comment", with_line(0, "untrusted comment: x"), |r| matches!(r, Refusal::SignatureForm(_))),
        ("another signed comment", with_line(2, "trusted comment: y"), |r| matches!(r, Refusal::Signature(_))),
        ("more behind", with_block(&(text.clone() + "more")), |r| matches!(r, Refusal::SignatureForm(_))),
        ("wrong key", Crafted::new().signed(&other.sk), |r| matches!(r, Refusal::UnknownKey { .. })),
        ("wrong key, right name", borrowed, |r| matches!(r, Refusal::Signature(_))),
    ];
    for (what, package, fits) in table {
        let refusal = rig.refused(&package, &Expect::default());
        assert!(fits(&refusal), "{what}: {refusal}");
    }
}

#[test]
fn signed_files_with_names_that_lead_out_are_refused() {
    let rig = Rig::new();
    let long = format!("models/{}", "a".repeat(194));
    for path in [
        "../facegate",
        "models/../../x",
        "models/..",
        "/etc/passwd",
        "//models/x",
        "models//x",
        "models/",
        "models",
        "",
        ".",
        "..",
        "models/.",
        "models/.hidden",
        ".ssh/authorized_keys",
        "models\\x",
        "models/a\\..\\b",
        "models/a\0b",
        "models/a b",
        "models/ä",
        "models/a\nb",
        "C:/models",
        "models/a:b",
        "facegate/x",
        "etc/x",
        "manifest.json",
        "Models/x",
        "models/a/b/c/d/e/f/g/h",
        long.as_str(),
    ] {
        let refusal = rig.refused(&Crafted::new().with(path, b"x").signed(&rig.key.sk), &Expect::default());
        assert!(matches!(&refusal, Refusal::Path { path: named, .. } if named == path), "{path:?}: {refusal}");
        assert!(!refusal.to_string().contains(['\n', '\0']), "{path:?}");
    }
    for (paths, why) in [
        (&["models/a", "models/a"][..], "is there twice"),
        (&["facegate"], "is there twice"),
        (&["models/a", "models/a/b"], "is below another file"),
        (&["models/a/b/c", "models/a"], "is below another file"),
    ] {
        let package = paths.iter().fold(Crafted::new(), |package, path| package.with(path, b"x"));
        let refusal = rig.refused(&package.signed(&rig.key.sk), &Expect::default());
        assert!(matches!(&refusal, Refusal::Path { why: said, .. } if *said == why), "{paths:?}: {refusal}");
    }
}

#[test]
fn signed_manifests_that_say_too_much_or_too_little_are_refused() {
    let rig = Rig::new();
    let good = Crafted::new();
    let text = good.manifest.to_string();
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let entry = format!(r#"{{"path":"models/N","size":0,"packed":0,"sha256":"{}"}}"#, "0".repeat(64));
    let many: Vec<String> = (0..2049).map(|n| entry.replace('N', &n.to_string())).collect();
    let huge = u64::MAX.to_string();
    let large = (1_u64 << 30).to_string();
    for (manifest, why) in [
        (String::new(), "EOF while parsing"),
        ("nonsense".to_owned(), "expected"),
        ("\u{FEFF}".to_owned() + &text, "expected value"),
        (text.clone() + "{}", "trailing characters"),
        (changed("{\"name\"", "{\"owner\":0,\"name\""), "unknown field `owner`"),
        (changed("{\"name\"", "{\"\\u001b[2J\":0,\"name\""), "unknown field `\u{FFFD}[2J`"),
        (changed("{\"path\"", "{\"mode\":4095,\"path\""), "unknown field `mode`"),
        (changed("{\"name\"", "{\"version\":\"9.9.9\",\"name\""), "duplicate field `version`"),
        (changed("{\"path\"", "{\"size\":1,\"path\""), "duplicate field `size`"),
        (changed("\"data_format\":1,", ""), "missing field `data_format`"),
        (changed("1.2.3", "1.2"), "unexpected end"),
        (changed("1.2.3", &format!("1.2.3-{}", "a".repeat(60))), "the version is longer"),
        (changed("\"sim\"", "\"../sim\""), "\"../sim\" should be"),
        (changed("\"sim\"", "\"\""), "\"\" should be"),
        (changed("\"sim\"", &format!("{:?}", "a".repeat(65))), "1 to 64"),
        (changed("\"facegate\"", &format!("{:?}", "a".repeat(33))), "1 to 32"),
        (changed("\"size\":10", "\"size\":-1"), "invalid value"),
        (changed("\"size\":10", "\"size\":1e1"), "invalid type"),
        (changed("\"size\":10", &format!("\"size\":{large}")), "all files in bytes"),
        (changed("\"size\":10", &format!("\"size\":{huge}")), "all files in bytes"),
        (changed("\"packed\":", &format!("\"packed\":{huge},\"x\":")), "unknown field `x`"),
        (changed(&format!("\"packed\":{}", frame(b"#!/bin/sh\n").len()), &format!("\"packed\":{huge}")), "all parts"),
        (changed(&sha256(b"#!/bin/sh\n"), "abc"), "a sha256 should be 64 digits"),
        (changed(&sha256(b"#!/bin/sh\n"), &"A".repeat(64)), "a sha256 should be 64 digits"),
        (changed("\"files\":[", &format!("\"files\":[{},", many.join(","))), "files: 2051 is more than the 2048"),
        (changed("\"files\":[", &format!("\"files\":[{entry},")), "/N"),
        (changed("\"facegate\",\"version\"", "\"models\",\"version\""), "should hold models and nothing else"),
        (changed("\"sim\",\"rpi4\"", ""), "should name the boards"),
        (changed(&format!("\"target\":{TARGET:?},"), ""), "should name the target"),
    ] {
        let package = raw(manifest.as_bytes(), &good.parts, &rig.key.sk);
        if why == "/N" {
            // An empty part: refused when it is unpacked, as no frame is that short.
            assert!(matches!(rig.refused(&package, &Expect::default()), Refusal::Frame { .. } | Refusal::Sum { .. }));
            continue;
        }
        let refusal = rig.refused(&package, &Expect::default()).to_string();
        assert!(refusal.contains(why), "{why:?} not in {refusal:?}");
    }
    let pack = |package: Crafted| package.set("name", json!("models")).set("boards", json!([]));
    let no_daemon = Crafted { manifest: good.manifest.clone(), parts: Vec::new() }.set("files", json!([]));
    for (package, why) in [
        (no_daemon.with("models/a", b"x"), "should hold the daemon"),
        (pack(Crafted::new()), "should hold models and nothing else"),
        (pack(Crafted { parts: Vec::new(), ..Crafted::new() }.set("files", json!([]))), "should hold models"),
        (
            pack(Crafted { parts: Vec::new(), ..Crafted::new() }.set("files", json!([])).with("models/a", b"x")),
            "should name no target",
        ),
    ] {
        let refusal = rig.refused(&package.signed(&rig.key.sk), &Expect::default());
        assert!(refusal.to_string().contains(why), "{why:?} not in {refusal}");
    }
    let too_long = raw(&[b' '; (256 << 10) + 1], &[], &rig.key.sk);
    assert!(matches!(rig.refused(&too_long, &Expect::default()), Refusal::Limit { most: 0x40000, .. }));
}

#[test]
fn signed_parts_that_are_not_what_the_manifest_says_are_refused() {
    let rig = Rig::new();
    let bytes = [7; 1000];
    let (good, sum) = (frame(&bytes), sha256(&bytes));
    let bomb = frame(&vec![0; 50 << 20]);
    assert!(bomb.len() < 10_000);
    let mut wide = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    wide.window_log(27).unwrap();
    wide.include_contentsize(false).unwrap();
    wide.write_all(&bytes).unwrap();
    let wide = wide.finish().unwrap();
    let skippable = [b"\x50\x2A\x4D\x18\x04\0\0\0skip".as_slice(), &good].concat();
    let path = || "models/x".to_owned();
    let table: [(&str, usize, &str, Vec<u8>, Fits); 14] = [
        ("a bomb", 1000, &sum, bomb.clone(), |r| matches!(r, Refusal::Longer { size: 1000, .. })),
        ("an empty file that is a bomb", 0, &sha256(b""), bomb, |r| matches!(r, Refusal::Longer { size: 0, .. })),
        ("a byte more", 999, &sum, good.clone(), |r| matches!(r, Refusal::Longer { size: 999, .. })),
        ("a byte less", 1001, &sum, good.clone(), |r| matches!(r, Refusal::Shorter { found: 1000, size: 1001, .. })),
        ("another sum", 1000, &sha256(b"else"), good.clone(), |r| matches!(r, Refusal::Sum { .. })),
        ("other bytes", 1000, &sum, frame(&[8; 1000]), |r| matches!(r, Refusal::Sum { .. })),
        ("two frames", 1000, &sum, good.repeat(2), |r| matches!(r, Refusal::Behind { .. })),
        ("bytes behind the frame", 1000, &sum, [&good[..], b"more"].concat(), |r| {
            matches!(r, Refusal::Behind { left: 4, .. })
        }),
        ("a cut frame", 1000, &sum, good[..good.len() - 1].to_vec(), |r| matches!(r, Refusal::Frame { .. })),
        ("no frame", 1000, &sum, b"not zstd at all".to_vec(), |r| matches!(r, Refusal::Frame { .. })),
        ("nothing", 1000, &sum, Vec::new(), |r| matches!(r, Refusal::Frame { .. })),
        ("nothing for nothing", 0, &sha256(b""), Vec::new(), |r| matches!(r, Refusal::Frame { .. })),
        ("a frame that is skipped", 1000, &sum, skippable, |r| matches!(r, Refusal::Shorter { found: 0, .. })),
        ("a window of 128 MiB", 1000, &sum, wide, |r| matches!(r, Refusal::Frame { .. })),
    ];
    for (what, size, sum, part, fits) in table {
        // Behind good ones, which are unpacked already when it comes to it.
        let package = Crafted::new().with_part(&path(), size, sum, &part).signed(&rig.key.sk);
        let refusal = rig.refused(&package, &Expect::default());
        assert!(fits(&refusal) && refusal.to_string().contains(&path()), "{what}: {refusal}");
        // And as before it is unpacked to nowhere.
        let verified = verify(&rig.path("package.swx"), &rig.keys(), &Expect::default()).unwrap();
        assert_eq!(verified.check_parts(&mut |_, _| ()).unwrap_err().to_string(), refusal.to_string(), "{what}");
    }
    let good = Crafted::new();
    let manifest = good.manifest.to_string();
    for parts in [good.parts[..good.parts.len() - 1].to_vec(), [&good.parts[..], b"\0"].concat()] {
        let refusal = rig.refused(&raw(manifest.as_bytes(), &parts, &rig.key.sk), &Expect::default());
        assert!(matches!(refusal, Refusal::Parts { .. }), "{refusal}");
    }
}

#[test]
fn a_folder_that_was_empty_is_empty_again_after_a_refusal() {
    let rig = Rig::new();
    let package = Crafted::new().with_part("models/x", 1, &sha256(b"x"), &frame(b"y"));
    fs::write(rig.path("package.swx"), package.signed(&rig.key.sk)).unwrap();
    let verified = verify(&rig.path("package.swx"), &rig.keys(), &Expect::default()).unwrap();
    fs::create_dir(rig.path("out")).unwrap();
    assert!(matches!(verified.unpack(&rig.path("out"), &mut |_, _| ()), Err(Refusal::Sum { .. })));
    assert_eq!(names(&rig.path("out")), [] as [PathBuf; 0]);
}
