use super::*;

/// Whether a package of the rig's key is trusted.
fn tried(rig: &Rig) -> Result<PathBuf, Refusal> {
    Keys::load(&rig.path("keys"))?;
    rig.try_out(&Crafted::new().signed(&rig.key.sk), &Expect::default())
}

#[test]
fn without_a_key_it_is_said_where_one_belongs() {
    let rig = Rig::new();
    tried(&rig).unwrap();
    fs::remove_file(rig.path("keys/vendor.pub")).unwrap();
    for folder in ["keys", "missing"] {
        let refusal = Keys::load(&rig.path(folder)).unwrap_err();
        let says = refusal.to_string();
        assert!(
            matches!(refusal, Refusal::NoKeys { .. }) && says.contains(&rig.path(folder).display().to_string()),
            "{says}"
        );
    }
}

#[test]
fn revoked_keys_are_trusted_no_more_under_any_name() {
    let rig = Rig::new();
    let other = KeyPair::generate_unencrypted_keypair().unwrap();
    fs::write(rig.path("keys/other.pub"), other.pk.to_box().unwrap().into_string()).unwrap();
    let id = KeyId::of(rig.key.pk.keynum()).to_string();
    for list in [
        rig.key.pk.to_base64(),
        format!("# stolen in May\n\n  {id}  # the vendor's first\n"),
        id.to_lowercase(),
        format!("{}\r\n{}\r\n", "0".repeat(16), id),
    ] {
        fs::write(rig.path("keys/revoked"), &list).unwrap();
        let refusal = tried(&rig).unwrap_err();
        assert!(matches!(refusal, Refusal::RevokedKey(found) if found.to_string() == id), "{list}: {refusal}");
        rig.try_out(&Crafted::new().signed(&other.sk), &Expect::default()).unwrap();
    }

    // The same key once more, calling itself otherwise, goes with it.
    let mut renamed = rig.key.pk.to_bytes();
    renamed[2..10].fill(9);
    let renamed = minisign::PublicKey::from_bytes(&renamed).unwrap().to_box().unwrap().into_string();
    fs::write(rig.path("keys/again.pub"), renamed).unwrap();
    fs::write(rig.path("keys/revoked"), &id).unwrap();
    assert_eq!(rig.keys().ids().collect::<Vec<_>>(), [KeyId::of(other.pk.keynum())]);

    fs::write(rig.path("keys/revoked"), format!("{id}\n{}", other.pk.to_base64())).unwrap();
    let refusal = Keys::load(&rig.path("keys")).unwrap_err();
    assert!(
        matches!(refusal, Refusal::NoKeys { .. }) && refusal.to_string().contains(&id),
        "all are revoked: {refusal}"
    );
}

#[test]
fn a_list_of_revoked_keys_that_cannot_be_read_stops_everything() {
    let rig = Rig::new();
    for list in [&b"RWQf6LRCGA9i"[..], b"0123456789ABCDEG", b"# fine\nall of them", b"\xFF\xFE"] {
        fs::write(rig.path("keys/revoked"), list).unwrap();
        let refusal = tried(&rig).unwrap_err();
        assert!(matches!(refusal, Refusal::Keys { .. }) && refusal.to_string().contains("keys/revoked"), "{refusal}");
    }
    fs::remove_file(rig.path("keys/revoked")).unwrap();
    fs::create_dir(rig.path("keys/revoked")).unwrap();
    assert!(matches!(tried(&rig), Err(Refusal::Keys { .. })));
}

#[test]
fn files_that_hold_no_key_are_passed_over() {
    let rig = Rig::new();
    let mut of_no_kind = rig.key.pk.to_bytes();
    of_no_kind[0] = b'X';
    let of_no_kind = minisign::PublicKey::from_bytes(&of_no_kind).unwrap().to_box().unwrap().into_string();
    for (name, text) in [("empty.pub", ""), ("bad.pub", "untrusted comment: x\nAAAA\n"), ("kind.pub", &of_no_kind)] {
        fs::write(rig.path("keys").join(name), text).unwrap();
    }
    fs::write(rig.path("keys/README"), "what the keys are for").unwrap();
    tried(&rig).unwrap();
    assert_eq!(rig.keys().ids().count(), 1);
}

#[test]
fn keys_compiled_in_are_trusted_until_they_are_revoked() {
    let rig = Rig::new();
    fs::remove_file(rig.path("keys/vendor.pub")).unwrap();
    let other = KeyPair::generate_unencrypted_keypair().unwrap();
    let compiled_in = format!("{}, {},", rig.key.pk.to_base64(), other.pk.to_base64());
    let load = || Keys::gather(&rig.path("keys"), &compiled_in);
    assert_eq!(load().unwrap().ids().count(), 2);
    fs::write(rig.path("keys/revoked"), other.pk.to_base64()).unwrap();
    assert_eq!(load().unwrap().ids().collect::<Vec<_>>(), [KeyId::of(rig.key.pk.keynum())]);
    assert!(matches!(Keys::gather(&rig.path("keys"), "RWQ"), Err(Refusal::Keys { .. })));
}
