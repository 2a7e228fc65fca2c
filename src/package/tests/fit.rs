use super::*;

/// A release 1.2.3 with something changed, before something that is installed.
fn asked(set: &[(&str, Value)], expect: Expect) -> Result<PathBuf, Refusal> {
    let rig = Rig::new();
    let package = set.iter().fold(Crafted::new(), |package, (key, value)| package.set(key, value.clone()));
    let package = package.signed(&rig.key.sk);
    match rig.try_out(&package, &expect) {
        Ok(out) => Ok(out),
        Err(_) => Err(rig.refused(&package, &expect)),
    }
}

fn here(installed: &str) -> Expect {
    Expect::release("sim", installed.parse().unwrap(), 1)
}

#[test]
fn newer_releases_for_this_terminal_alone_fit() {
    let (old, low) = (json!("1.0.0"), json!("0.9.0"));
    for (set, installed) in [
        (&[][..], "1.2.2"),
        (&[], "1.2.3-rc.1"),
        (&[], "0.1.0"),
        (&[("minimum", old.clone())], "1.0.0"),
        (&[("minimum", old.clone())], "1.1.0"),
        (&[("data_format", json!(2))], "1.2.2"),
        (&[("downgrade", json!(true))], "1.2.3"),
        (&[("downgrade", json!(true))], "2.0.0"),
        (&[("downgrade", json!(true)), ("minimum", low)], "2.0.0"),
    ] {
        asked(set, here(installed)).unwrap_or_else(|refusal| panic!("{set:?} over {installed}: {refusal}"));
    }
    type Row<'a> = (&'a [(&'a str, Value)], Expect, Fits, &'a str);
    let rows: [Row<'_>; 12] = [
        (&[], here("1.2.3"), |r| matches!(r, Refusal::Same(_)), "version 1.2.3 is installed already"),
        (&[], here("1.2.3+other.build"), |r| matches!(r, Refusal::Same(_)), "installed already"),
        (&[], here("1.2.4"), |r| matches!(r, Refusal::Older { .. }), "1.2.3, which is older than the 1.2.4"),
        (&[("version", json!("1.2.3-rc.1"))], here("1.2.3"), |r| matches!(r, Refusal::Older { .. }), "1.2.3-rc.1"),
        (
            &[("minimum", old.clone())],
            here("0.9.9"),
            |r| matches!(r, Refusal::BelowMinimum { .. }),
            "install 1.0.0 first",
        ),
        (
            &[("minimum", old), ("downgrade", json!(true))],
            here("0.9.9"),
            |r| matches!(r, Refusal::BelowMinimum { .. }),
            "0.9.9 is installed",
        ),
        (
            &[],
            Expect { board: Some("hi3516dv300".to_owned()), ..here("1.0.0") },
            |r| matches!(r, Refusal::OtherBoard { .. }),
            "for boards sim, rpi4, this is \"hi3516dv300\"",
        ),
        (
            &[("target", json!("mips-unknown-linux-gnu"))],
            here("1.0.0"),
            |r| matches!(r, Refusal::OtherTarget { .. }),
            "built for mips-unknown-linux-gnu, this machine runs",
        ),
        (
            &[],
            Expect { data_format: Some(2), ..here("1.0.0") },
            |r| matches!(r, Refusal::DataFormat { found: 1, present: 2 }),
            "layout 1, the data here has layout 2",
        ),
        (
            &[("downgrade", json!(true))],
            Expect { data_format: Some(2), ..here("2.0.0") },
            |r| matches!(r, Refusal::DataFormat { .. }),
            "layout 1",
        ),
        (
            &[],
            Expect { name: Some("models".to_owned()), ..Expect::default() },
            |r| matches!(r, Refusal::OtherName { .. }),
            "of \"facegate\", and \"models\" is asked for",
        ),
        (&[("boards", json!(["SIM"]))], here("1.0.0"), |r| matches!(r, Refusal::OtherBoard { .. }), "for boards SIM"),
    ];
    for (number, (set, expect, fits, says)) in rows.into_iter().enumerate() {
        let refusal = asked(set, expect).unwrap_err();
        assert!(fits(&refusal) && refusal.to_string().contains(says), "row {number}: {refusal}");
    }
}

#[test]
fn a_pack_of_models_is_no_release_and_fits_any_board_it_does_not_exclude() {
    let rig = Rig::new();
    let pack = |boards: Value| {
        let manifest = json!({
            "name": "models", "version": "7.0.0", "boards": boards, "data_format": 0, "files": [],
        });
        Crafted { manifest, parts: Vec::new() }.with("models/face.tflite", b"weights").signed(&rig.key.sk)
    };
    let on =
        |board: &str| Expect { board: Some(board.to_owned()), target: Some("any".to_owned()), ..Expect::default() };
    rig.try_out(&pack(json!([])), &on("sim")).unwrap();
    rig.try_out(&pack(json!(["sim"])), &on("sim")).unwrap();
    assert!(matches!(rig.refused(&pack(json!(["rpi4"])), &on("sim")), Refusal::OtherBoard { .. }));
    assert!(matches!(rig.refused(&pack(json!([])), &here("1.0.0")), Refusal::OtherName { .. }));
}
