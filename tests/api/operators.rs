//! Every operator, once as it should be and once at its edges.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use facegate::access::{CaptureRecord, LibId, PictureType, VerifyStatus};
use facegate::control::Command;
use facegate::field::LocalTime;
use serde_json::{Value, json};

use crate::rig::*;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn door_conditions_are_read_and_changed() {
    let rig = Rig::new();
    let info = rig.ok("GetDoorCondition", json!({}));
    assert_eq!(info.as_object().unwrap().len(), 16);
    assert!(info.as_object().unwrap().values().all(Value::is_i64), "{info}");
    let change = json!({ "FaceThreshold": "90", "CardMode": 1, "PublicMjCardNo": 0, "IOStayTime": null, "Other": 1 });
    assert_eq!(rig.ok("SetDoorCondition", change), json!({ "Result": "Ok" }));
    let after = rig.ok("GetDoorCondition", json!([]));
    assert_eq!(
        (&after["FaceThreshold"], &after["CardMode"], &after["IOStayTime"]),
        (&90.into(), &1.into(), &1000.into())
    );
}

#[test]
fn the_door_opens_from_afar_where_that_is_allowed() {
    let rig = Rig::new();
    let detail = rig.fails("OpenDoor", json!({ "Chn": 0 }), 465);
    assert!(detail.contains("OpendoorWay"), "{detail}");
    assert!(rig.commands().is_empty());
    rig.ok("SetDoorCondition", json!({ "OpendoorWay": 1 }));
    rig.commands();
    for (info, text) in [
        (json!({ "DeviceID": "1300001", "Chn": 0, "status": 0, "msg": "请通行" }), Some("请通行")),
        (json!({ "DeviceID": 1_300_001, "Chn": "1", "status": "9", "msg": "" }), None),
        (json!({}), None),
    ] {
        assert_eq!(rig.ok("OpenDoor", info), json!({ "Result": "Ok" }));
        let [Command::Open { text: shown }] = &rig.commands()[..] else { panic!("one opening") };
        assert_eq!(shown.as_deref(), text);
    }
}

#[test]
fn the_terminal_tells_about_itself() {
    let rig = Rig::new();
    let identity = json!({ "Name": "facegate", "DeviceID": DEVICE, "Version": "v1.2.3" });
    assert_eq!(rig.send("GetSysParam", ""), json!({ "operator": "GetSysParam", "info": identity }));
    rig.ok("SetSysParam", json!({ "Name": "北门", "DeviceID": 5 }));
    assert_eq!(rig.ok("GetSysParam", json!({}))["Name"], "北门");
    assert_eq!(rig.send("GetDatabaseVer", "")["info"], json!({ "DatabaseVersion": 1 }));
}

#[test]
fn time_is_set_in_parts_or_whole() {
    let rig = Rig::new();
    let parts = |v: &Value| ["Year", "Month", "Day", "Hour"].map(|k| v[k].as_i64().unwrap());
    assert_eq!(parts(&rig.ok("GetSysTime", json!({}))), [2026, 3, 1, 12], "GMT+8");
    rig.ok("SetSysTime", json!({ "Year": 2027, "Month": "2", "Day": 28 }));
    assert_eq!(parts(&rig.ok("GetSysTime", json!({}))), [2027, 2, 28, 12]);
    rig.ok("SetSysTime", json!({ "Time": "2028-02-29 9:05:06" }));
    assert_eq!(parts(&rig.ok("GetSysTime", json!({}))), [2028, 2, 29, 9]);
    assert_eq!(rig.host.time.lock().unwrap().unwrap().to_string(), "2028-02-29T01:05:06Z");
}

#[test]
fn system_parameters_show_the_model_s_liveness() {
    let rig = Rig::new();
    let info = rig.ok("GetSysCfg", json!({}));
    assert_eq!((&info["LiveThreshold"], &info["LiveFrameNum"]), (&"50.000000".into(), &3.into()));
    let example: Value = serde_json::from_str(include_str!("../data/examples/GetSysCfg.response.1.txt")).unwrap();
    assert_eq!(
        keys(&info).iter().collect::<std::collections::BTreeSet<_>>(),
        keys(&example["info"]).iter().collect::<std::collections::BTreeSet<_>>()
    );
    rig.ok(
        "SetSysCfg",
        json!({ "LiveDetectType": 2, "LiveDetectTimeBeg": "8:00:00", "LiveThreshold": "1.0", "LiveFrameNum": 9 }),
    );
    let info = rig.ok("GetSysCfg", json!({}));
    assert_eq!((&info["LiveDetectTimeBeg"], &info["LiveThreshold"]), (&"08:00:00".into(), &"50.000000".into()));
}

#[test]
fn liveness_that_the_models_cannot_judge_is_not_promised() {
    let mut rig = Rig::new();
    std::sync::Arc::get_mut(&mut rig.cx).unwrap().liveness = None;
    for number in [json!(0), json!("2")] {
        let refused =
            rig.send("SetSysCfg", &json!({ "info": { "LiveDetectType": number, "Language": 3 } }).to_string());
        assert!(refused.to_string().contains("LiveDetectType: the installed face models (plain) cannot"), "{refused}");
    }
    let info = rig.ok("GetSysCfg", json!({}));
    assert_eq!((&info["LiveDetectType"], &info["Language"]), (&1.into(), &1.into()));
    assert_eq!((&info["LiveThreshold"], &info["LiveFrameNum"]), (&"100.000000".into(), &0.into()));
    rig.ok("SetSysCfg", json!({ "LiveDetectType": 1, "Language": 3 }));
}

#[test]
fn distance_and_width_follow_each_other() {
    let rig = Rig::new();
    for (change, distance, width) in [
        (json!({ "recDistance": "100" }), "100", "244"),
        (json!({ "faceMinPixel": 122 }), "200", "122"),
        (json!({ "faceMinPixel": 1 }), "200", "1"),
        (json!({ "recDistance": 50, "faceMinPixel": 99 }), "50", "99"),
    ] {
        rig.ok("SetFaceParam", change);
        let info = rig.ok("GetFaceParam", json!({}));
        assert_eq!((&info["recDistance"], &info["faceMinPixel"]), (&distance.into(), &width.into()));
    }
    let info = rig.ok("GetFaceParam", json!({}));
    assert_eq!((&info["detectArea_w"], &info["detectArea_h"]), (&960.into(), &"1280".into()));
}

#[test]
fn a_person_goes_in_and_out_whole() {
    let rig = Rig::new();
    let body = json!({
        "operator": "AddPerson",
        "info": {
            "DeviceID": DEVICE, "PersonType": 0, "Name": "张三", "Gender": 0, "Nation": 1, "CardType": 0,
            "IdCard": "430923199011044411", "Birthday": "1990-11-4", "Telnum": "18888888888", "Native": "广东",
            "Address": "深圳宝安", "Notes": "备注", "MjCardFrom": 2, "WiegandType": 1, "CardMode": 0,
            "MjCardNo": 1_046_239, "Tempvalid": 0, "CustomizeID": 123_456,
            "PersonUUID": "4476c20c-23ce-4178-8672-b292d33a3cd8", "isCheckSimilarity": 0, "RFIDCard": "009a0192b3",
            " ChannelAuthority0": "1", "RoomNum": "12-3",
        },
        "picinfo": photo(RED),
    });
    let ok = json!({ "operator": "AddPerson", "code": 200, "info": { "Result": "Ok" } });
    assert_eq!(rig.send("AddPerson", &body.to_string()), ok);
    let reply = rig.call("SearchPerson", json!({ "SearchType": 0, "SearchID": 123_456, "Picture": 1 }));
    assert!(reply.get("code").is_none(), "{reply}");
    assert_eq!(reply["picinfo"], photo(RED), "kept as sent");
    let expect = json!({
        "DeviceID": DEVICE, "LibID": 1, "PersonType": 0, "Name": "张三", "Gender": 0, "Nation": 1, "CardType": 0,
        "IdCard": "430923199011044411", "Birthday": "1990-11-04", "Telnum": "18888888888", "Native": "广东",
        "Address": "深圳宝安", "Notes": "备注", "MjCardFrom": 2, "WGFacilityCode": 0, "MjCardNo": 1_046_239, "RFIDCard": "9A0192B3",
        "Tempvalid": 0, "CustomizeID": 123_456, "PersonUUID": "4476c20c-23ce-4178-8672-b292d33a3cd8",
        "ValidBegin": "1970-01-01T08:00:00", "ValidEnd": "1970-01-01T08:00:00",
    });
    assert_eq!(reply["info"], expect);
    assert_eq!(keys(&reply["info"]), keys(&expect));
    let extra = &rig.cx.store.person(LibId(1)).unwrap().extra;
    assert_eq!((extra["ChannelAuthority0"].as_str(), extra["RoomNum"].as_str()), ("1", "12-3"));
}

#[test]
fn ids_may_be_missing_empty_or_text() {
    let rig = Rig::new();
    for (fields, custom, uuid) in [
        (json!({ "Name": "a" }), -2, " "),
        (json!({ "CustomizeID": "", "PersonUUID": "" }), -2, " "),
        (json!({ "CustomizeID": null, "PersonUUID": null, "LibID": null, "IdType": null }), -2, " "),
        (json!({ "CustomizeID": 0, "PersonUUID": " " }), -2, " "),
        (json!({ "CustomizeID": "77", "IdType": "0" }), 77, " "),
        (json!({ "PersonUUID": 12, "IdType": 2 }), -2, "12"),
        (json!({ "CustomizeID": 4_294_967_295_u32, "PersonUUID": "u" }), 4_294_967_295_i64, "u"),
    ] {
        let shown = rig.shown(rig.add(RED, fields));
        assert_eq!((&shown["CustomizeID"], &shown["PersonUUID"]), (&json!(custom), &json!(uuid)));
    }
}

#[test]
fn cards_are_entered_in_every_way() {
    let rig = Rig::new();
    for (fields, protocol, mode, from, facility, shown) in [
        (json!({}), 1, 0, 0, json!(0), json!(0)),
        (json!({ "MjCardFrom": 3 }), 1, 0, 3, json!(0), json!(0)),
        (json!({ "MjCardNo": 1_046_239 }), 1, 0, 2, json!(0), json!(1_046_239)),
        (json!({ "MjCardNo": "1046240", "MjCardFrom": "2" }), 1, 0, 2, json!(0), json!(1_046_240)),
        (json!({ "MjCardNo": 0 }), 1, 0, 0, json!(0), json!(0)),
        (
            json!({ "MjCardNo": "018B2D", "WGFacilityCode": "9A", "CardMode": 1, "WiegandType": 7 }),
            7,
            1,
            2,
            json!("9A"),
            json!("018B2D"),
        ),
        (
            json!({ "MjCardNo": 123, "WGFacilityCode": 45, "CardMode": 1, "WiegandType": 7 }),
            7,
            1,
            2,
            json!("45"),
            json!("000123"),
        ),
        (
            json!({ "MjCardNo": "8B2D", "WGFacilityCode": "9A", "CardMode": "1", "WiegandType": 6 }),
            0,
            1,
            2,
            json!("00"),
            json!("9A8B2D"),
        ),
        (json!({ "MjCardNo": 65535, "WGFacilityCode": 255, "WiegandType": 6 }), 6, 0, 2, json!(255), json!(65535)),
    ] {
        rig.ok("SetDoorCondition", json!({ "Wiegand": protocol, "CardMode": mode }));
        let shown_person = rig.shown(rig.add(RED, fields.clone()));
        assert_eq!(shown_person["MjCardFrom"], from, "{fields}");
        assert_eq!(shown_person.get("WGFacilityCode").cloned().unwrap_or_default(), facility, "{fields}");
        assert_eq!(shown_person["MjCardNo"], shown, "{fields}");
    }
}

#[test]
fn unquoted_cards_keep_their_zeros() {
    let rig = Rig::new();
    rig.ok("SetDoorCondition", json!({ "Wiegand": 7, "CardMode": 1 }));
    let body = include_str!("../data/examples/AddPerson.request.3.txt");
    let port = picture_server(vec![jpeg(RED)]);
    let body = body.replace("https://btngps.oss-cn-beijing.aliyuncs.com", &format!("127.0.0.1:{port}"));
    assert_eq!(rig.send("AddPerson", &body)["code"], 200);
    let shown = rig.shown(LibId(1));
    assert_eq!((&shown["WGFacilityCode"], &shown["MjCardNo"]), (&"9A".into(), &"0192B3".into()));
    assert_eq!(
        (&shown["Tempvalid"], &shown["EffectNumber"], &shown["RFIDCard"]),
        (&3.into(), &5.into(), &"9A0192B3".into())
    );
}

#[test]
fn the_terminal_gives_out_the_lowest_free_card() {
    let rig = Rig::new();
    rig.ok("SetDoorCondition", json!({ "AutoMjCardBgnNo": 10, "AutoMjCardEndNo": 12, "Wiegand": 0 }));
    rig.add(RED, json!({ "MjCardNo": 11 }));
    let automatic = json!({ "MjCardFrom": 1 });
    assert_eq!(rig.shown(rig.add(RED, automatic.clone()))["MjCardNo"], 10);
    let last = rig.add(RED, automatic.clone());
    assert_eq!(rig.shown(last)["MjCardNo"], 12);
    let detail = rig.fails("AddPerson", json!({ "MjCardFrom": 1, "picinfo": photo(RED) }), 479);
    assert!(detail.contains("AutoMjCardBgnNo"), "{detail}");
    rig.ok("EditPerson", json!({ "IdType": 1, "LibID": last.0, "MjCardFrom": 1, "Name": "x" }));
    assert_eq!(rig.shown(last)["MjCardNo"], 12, "who has a card keeps it");
}

#[test]
fn temporary_lists_need_what_they_are_about() {
    let rig = Rig::new();
    let (begin, end) = ("2026-01-01T09:00:00", "2026-01-02T08:00:00");
    let add = |fields: Value| rig.shown(rig.add(RED, fields));
    let shown = add(json!({ "Tempvalid": 1, "ValidBegin": begin, "ValidEnd": end }));
    assert_eq!(
        (&shown["Tempvalid"], &shown["ValidBegin"], &shown["ValidEnd"]),
        (&1.into(), &begin.into(), &end.into())
    );
    assert_eq!(add(json!({ "Tempvalid": 2, "ValidBegin": begin, "ValidEnd": end }))["Tempvalid"], 2);
    assert_eq!(add(json!({ "Tempvalid": 3, "EffectNumber": "4294967295" }))["EffectNumber"], 4_294_967_295_u32);
    let shown = add(json!({ "Tempvalid": 0, "ValidBegin": "0000-00-00T00:00:00", "ValidEnd": "" }));
    assert_eq!((&shown["Tempvalid"], &shown["ValidEnd"]), (&0.into(), &"1970-01-01T08:00:00".into()));
    for (fields, field) in [
        (json!({ "Tempvalid": 1 }), "ValidBegin"),
        (json!({ "Tempvalid": 2, "ValidBegin": begin }), "ValidEnd"),
        (json!({ "Tempvalid": 1, "ValidBegin": end, "ValidEnd": begin }), "ValidEnd"),
        (json!({ "Tempvalid": 2, "ValidBegin": end, "ValidEnd": begin }), "ValidEnd"),
        (json!({ "Tempvalid": 1, "ValidBegin": "tomorrow", "ValidEnd": end }), "ValidBegin"),
        (json!({ "Tempvalid": 3 }), "EffectNumber"),
        (json!({ "Tempvalid": 3, "EffectNumber": 0 }), "EffectNumber"),
        (json!({ "Tempvalid": 3, "EffectNumber": 4_294_967_296_u64 }), "EffectNumber"),
        (json!({ "Tempvalid": 4 }), "Tempvalid"),
    ] {
        let mut fields = fields;
        fields["picinfo"] = photo(RED).into();
        let detail = rig.fails("AddPerson", fields, 462);
        assert!(detail.starts_with(&format!("Parameter error: {field}: ")), "{detail}");
    }
}

#[test]
fn what_somebody_bears_nobody_else_can() {
    let rig = Rig::new();
    rig.add(RED, json!({ "CustomizeID": 1, "PersonUUID": "u", "MjCardNo": 5, "RFIDCard": "AB" }));
    for (fields, code) in [
        (json!({ "CustomizeID": 1 }), 466),
        (json!({ "PersonUUID": "u" }), 466),
        (json!({ "MjCardNo": 5 }), 469),
        (json!({ "RFIDCard": "00ab" }), 470),
        (json!({ "isCheckSimilarity": 1 }), 471),
    ] {
        let mut fields = fields;
        fields["picinfo"] = photo(RED).into();
        rig.fails("AddPerson", fields, code);
    }
    assert_eq!(rig.cx.store.count(), 1);
    rig.ok("AddPerson", json!({ "picinfo": photo(BLUE), "isCheckSimilarity": 1 }));
    let blue = rig.ok("GetPictureSearch", json!({ "picinfo": photo(BLUE) }))["SearchInfo"][0]["Uid"].clone();
    assert_eq!(
        rig.fails("EditPerson", json!({ "IdType": 1, "LibID": blue, "CustomizeID": 1 }), 470),
        "CustomizeID or UUID had existed: CustomizeID: is LibID 1's"
    );
    rig.fails("EditPerson", json!({ "IdType": 1, "LibID": blue, "MjCardNo": 5 }), 473);
    rig.fails("EditPerson", json!({ "IdType": 1, "LibID": blue, "RFIDCard": "AB" }), 474);
    rig.fails("EditPerson", json!({ "IdType": 1, "LibID": blue, "isCheckSimilarity": 1, "picinfo": photo(RED) }), 475);
    rig.ok("EditPerson", json!({ "IdType": 1, "LibID": blue, "isCheckSimilarity": 1, "picinfo": photo(BLUE) }));
}

#[test]
fn editing_changes_what_is_given_and_nothing_else() {
    let rig = Rig::new();
    let (begin, end) = ("2026-01-01T09:00:00", "2026-01-02T08:00:00");
    let id = rig.add(
        RED,
        json!({
            "CustomizeID": 7, "PersonUUID": "u", "Name": "Li", "Notes": "n", "MjCardNo": 5, "RFIDCard": "AB",
            "Tempvalid": 1, "ValidBegin": begin, "ValidEnd": end, "Birthday": "1990-01-01", "Gender": 1,
        }),
    );
    let mut expect = rig.shown(id);
    rig.ok("EditPerson", json!({ "DeviceID": DEVICE, "IdType": 2, "PersonUUID": "u", "PersonType": 1 }));
    expect["PersonType"] = 1.into();
    assert_eq!(rig.shown(id), expect);
    rig.ok(
        "EditPerson",
        json!({ "IdType": "0", "CustomizeID": "7", "Name": "", "ValidEnd": "2026-02-01T00:00:00", "RFIDCard": "" }),
    );
    expect["Name"] = " ".into();
    expect["ValidEnd"] = "2026-02-01T00:00:00".into();
    expect["RFIDCard"] = " ".into();
    assert_eq!(rig.shown(id), expect);
    // The document's own example repeats IdType.
    let body =
        r#"{"operator":"EditPerson","info":{"IdType":0,"CustomizeID":7,"Name":"hahaha","IdType":0,},"picinfo":"PIC"}"#;
    assert_eq!(rig.send("EditPerson", &body.replace("PIC", &photo(BLUE)))["code"], 200);
    expect["Name"] = "hahaha".into();
    assert_eq!(rig.shown(id), expect);
    assert_eq!(rig.ok("GetPictureSearch", json!({ "picinfo": photo(BLUE) }))["SearchInfo"][0]["Uid"], id.0);
    assert_eq!(
        rig.fails("GetPictureSearch", json!({ "picinfo": photo(RED) }), 466).split(':').next(),
        Some("No record")
    );
    rig.fails("EditPerson", json!({ "IdType": 0, "CustomizeID": 8 }), 464);
    rig.fails("EditPerson", json!({ "IdType": 1, "LibID": 99 }), 464);
    rig.fails("EditPerson", json!({ "IdType": 2, "PersonUUID": "x" }), 464);
    assert!(rig.fails("EditPerson", json!({ "IdType": 2 }), 462).contains("PersonUUID"));
    rig.fails("EditPerson", json!({ "IdType": 0, "CustomizeID": 7, "picinfo": photo(WHITE) }), 477);
    assert_eq!(rig.shown(id), expect);
}

#[test]
fn several_people_are_added_in_spite_of_a_bad_one() {
    let rig = Rig::new();
    let person =
        |id: i64, colour| json!({ "Name": "n", "CustomizeID": id, "PersonUUID": id, "picinfo": photo(colour) });
    let good = json!({ "operator": "AddPersons", "DeviceID": "1300001", "Total": 2, "Personinfo_0": person(1, RED), "Personinfo_1": person(2, BLUE) });
    let ok = json!({ "operator": "AddPersons", "code": 200, "info": { "Result": "Ok" } });
    assert_eq!(rig.send("AddPersons", &good.to_string()), ok);
    let inside = json!({ "info": { "Total": "5",
        "Personinfo_0": person(3, WHITE), "Personinfo_1": person(1, GREEN), "Personinfo_2": person(4, GREEN),
        "Personinfo_3": { "CustomizeID": 5 }, "Personinfo_4": { "CustomizeID": 6, "Nation": 58 } } });
    let reply = rig.send("AddPersons", &inside.to_string());
    assert_eq!(reply["code"], 473, "{reply}");
    let info = &reply["info"];
    assert_eq!((&info["Result"], &info["SuccessCount"], &info["ErrCount"]), (&"Fail".into(), &1.into(), &4.into()));
    assert_eq!(info["SuccessInfo"], json!([{ "Personinfo": 2, "CustomizeID": 4, "PersonUUID": "4" }]));
    assert_eq!(info["errorInfo"][0]["errcode"], "473");
    let detail = info["Detail"].as_str().unwrap();
    for fragment in ["GetPersonFeature err", "PersonUUID had existed", "Unkonw Picinfo and get picURI error", "Nation"]
    {
        assert!(detail.contains(fragment), "{fragment}: {detail}");
    }
    assert_eq!(rig.cx.store.count(), 3);
    for (body, field) in [
        (json!({ "Total": 2, "Personinfo_0": person(9, RED) }), "Total"),
        (json!({ "Total": 1 }), "Personinfo_0"),
        (json!({ "Total": 0, "Personinfo_0": person(9, RED) }), "Total"),
        (json!({ "Personinfo_x": {} }), "Personinfo_x"),
    ] {
        let reply = rig.send("AddPersons", &body.to_string());
        assert_eq!(reply["code"], 462);
        assert!(reply["info"]["Detail"].as_str().unwrap().contains(field), "{reply}");
    }
    assert_eq!(rig.cx.store.count(), 3);
}

#[test]
fn a_batch_adds_and_replaces_and_reports_each() {
    let rig = Rig::new();
    rig.add(RED, json!({ "CustomizeID": 1, "PersonUUID": "u1", "Name": "old", "Notes": "old", "Tempvalid": 3, "EffectNumber": 5 }));
    let port = picture_server(vec![jpeg(BLUE), jpeg(WHITE), vec![0; 10]]);
    let uri = format!("127.0.0.1:{port}/p.jpg");
    let batch = json!({ "operator": "EditPersonsNew", "DeviceID": DEVICE, "IdType": 0, "Total": 7, "info": [
        { "CustomizeID": 1, "Name": "new" },
        { "CustomizeID": 2, "Name": "two", "picURI": uri },
        { "CustomizeID": 3, "picURI": uri },
        { "CustomizeID": 4, "picURI": uri },
        { "CustomizeID": 5 },
        { "Name": "nobody" },
        { "CustomizeID": 6, "Gender": 7 },
    ] });
    let reply = rig.send("EditPersonsNew", &batch.to_string());
    assert_eq!((&reply["code"], &reply["info"]["Result"]), (&200.into(), &"Ok".into()), "{reply}");
    let info = &reply["info"];
    assert_eq!((&info["AddErrNum"], &info["AddSucNum"]), (&"5".into(), &"2".into()));
    assert_eq!(info["AddSucInfo"], json!([{ "CustomizeID": 1 }, { "CustomizeID": 2 }]));
    let codes: Vec<_> = info["AddErrInfo"].as_array().unwrap().iter().map(|e| e["errcode"].as_str().unwrap()).collect();
    assert_eq!(codes, ["468", "466", "481", "461", "479"]);
    let shown = rig.shown(LibId(1));
    assert_eq!((&shown["Name"], &shown["Notes"], &shown["Tempvalid"]), (&"new".into(), &" ".into(), &0.into()));
    assert_eq!((&shown["PersonUUID"], rig.cx.store.photo(LibId(1)).unwrap().is_some()), (&"u1".into(), true));
    for (body, code) in [
        (json!({ "operator": "AddPerson", "IdType": 0, "Total": 1, "info": [{}] }), 411),
        (json!({ "IdType": 0, "Total": 1 }), 412),
        (json!({ "DeviceID": 2, "IdType": 0, "Total": 1, "info": [{}] }), 413),
        (json!({ "IdType": 0, "info": [{}] }), 414),
        (json!({ "IdType": 0, "Total": "x", "info": [{}] }), 414),
        (json!({ "IdType": 0, "Total": 501, "info": [{}] }), 415),
        (json!({ "IdType": 0, "Total": 0, "info": [{}] }), 415),
        (json!({ "IdType": 0, "Total": 2, "info": [{}] }), 416),
        (json!({ "IdType": 0, "Total": 2, "info": [] }), 416),
        (json!({ "Total": 1, "info": [{}] }), 417),
        (json!({ "IdType": 1, "Total": 1, "info": [{}] }), 418),
    ] {
        assert_eq!(rig.send("EditPersonsNew", &body.to_string())["code"], code, "{body}");
    }
    let nested = json!({ "info": { "IdType": 2, "Total": 1, "info": [{ "PersonUUID": "u1", "Name": "nested" }] } });
    assert_eq!(rig.send("EditPersonsNew", &nested.to_string())["info"]["AddSucNum"], "1");
    assert_eq!(rig.shown(LibId(1))["Name"], "nested");
}

#[test]
fn people_are_removed_by_any_id() {
    let rig = Rig::new();
    for id in 1..=8 {
        rig.add(RED, json!({ "CustomizeID": id, "PersonUUID": format!("u{id}") }));
    }
    for (request, left) in [
        (json!({ "IdType": 0, "TotalNum": 2, "CustomizeID": [1, "2"] }), 6),
        (json!({ "IdType": 1, "LibID": [3] }), 5),
        (json!({ "IdType": 2, "TotalNum": 0, "PersonUUID": "u4", "DefaltPerson": 0 }), 4),
        (json!({ "IdType": 2, "PersonUUID": ["gone", "u5"] }), 3),
        (json!({ "CustomizeID": 6 }), 2),
    ] {
        assert_eq!(rig.ok("DeletePerson", request), json!({ "Result": "Ok" }));
        assert_eq!(rig.cx.store.count(), left);
    }
    rig.fails("DeletePerson", json!({ "IdType": 0, "CustomizeID": [1, 2] }), 464);
    for (request, field) in [
        (json!({ "IdType": 0, "CustomizeID": [] }), "CustomizeID"),
        (json!({ "IdType": 0, "CustomizeID": [7, "x"] }), "CustomizeID[1]"),
        (json!({ "IdType": 1, "LibID": vec![7; 257] }), "LibID"),
        (json!({ "IdType": 2, "CustomizeID": [7] }), "PersonUUID"),
        (json!({ "IdType": 3, "CustomizeID": [7] }), "IdType"),
        (json!({}), "IdType"),
    ] {
        let detail = rig.fails("DeletePerson", request, 462);
        assert!(detail.contains(field), "{detail}");
    }
    assert_eq!(rig.cx.store.count(), 2);
    for check in [json!({}), json!({ "DeleteAllPersonCheck": 0 }), json!({ "DeleteAllPersonCheck": [1, 1] })] {
        assert!(rig.fails("DeleteAllPerson", check, 462).contains("DeleteAllPersonCheck"));
    }
    assert_eq!(rig.host.reboots.load(Ordering::Relaxed), 0);
    rig.ok("DeleteAllPerson", json!({ "DeleteAllPersonCheck": [1] }));
    assert_eq!((rig.cx.store.count(), rig.host.reboots.load(Ordering::Relaxed)), (0, 1));
    rig.fails("GetPictureSearch", json!({ "picinfo": photo(RED) }), 466);
}

#[test]
fn lists_are_searched_and_paged() {
    let rig = Rig::new();
    for n in 1..=5 {
        let birthday = if n == 1 { Value::Null } else { json!("1990-01-01") };
        rig.add(RED, json!({ "CustomizeID": n, "Name": format!("test{n}"), "Gender": n % 2, "PersonType": i64::from(n == 5), "MjCardNo": n * 10, "Birthday": birthday }));
    }
    for (filter, number) in [
        (json!({ "DeviceID": DEVICE }), 5),
        (json!({ "DeviceID": DEVICE, "Gender": 2 }), 5),
        (
            json!({ "PersonType": 0, "BeginTime": "", "EndTime": "", "Gender": 2, "Age": "0-100", "MjCardNo": 0, "Name": "" }),
            4,
        ),
        (json!({ "PersonType": 2, "Gender": 1 }), 3),
        (json!({ "PersonType": 1 }), 1),
        (json!({ "Age": "1-100" }), 4),
        (json!({ "Age": "37-100" }), 0),
        (json!({ "MjCardNo": 30 }), 1),
        (json!({ "Name": "st4" }), 1),
        (json!({ "BeginTime": "2026-03-01T12:00:00", "EndTime": "2026-03-01T13:00:00" }), 5),
        (json!({ "EndTime": "2026-03-01T11:00:00" }), 0),
    ] {
        let expect = json!({ "DeviceID": DEVICE, "MaxListsNum": 50, "PersonNum": number });
        assert_eq!(rig.ok("SearchPersonNum", filter.clone()), expect, "{filter}");
        let reply = rig.call("SearchPersonList", filter.clone());
        if number == 0 {
            assert_eq!((&reply["code"], &reply["info"]["Result"]), (&467.into(), &"Fail".into()));
        } else {
            assert_eq!(reply["info"]["Totalnum"], number, "{filter}");
        }
    }
    let page = |begin: i64, count: i64| {
        rig.call("SearchPersonList", json!({ "BeginNO": begin, "RequestCount": count, "Picture": 1 }))
    };
    let first = page(0, 2);
    assert_eq!(keys(&first["info"]), ["DeviceID", "Totalnum", "Listnum", "List"]);
    assert_eq!((&first["info"]["Totalnum"], &first["info"]["Listnum"]), (&5.into(), &2.into()));
    assert_eq!(
        (&first["info"]["List"][1]["LibID"], &first["info"]["List"][1]["Picinfo"]),
        (&2.into(), &photo(RED).into())
    );
    assert_eq!(page(4, 500)["info"]["Listnum"], 1);
    assert_eq!(page(0, 500)["info"]["Listnum"], 5);
    assert_eq!(page(5, 2)["code"], 467);
    for (search, code) in [
        (json!({ "SearchType": 0, "SearchID": "99", "Picture": 0 }), 467),
        (json!({ "SearchType": 1, "SearchID": "x" }), 467),
        (json!({ "SearchType": 0, "SearchID": "no number" }), 467),
        (json!({ "SearchType": 0 }), 462),
        (json!({ "SearchType": 3, "SearchID": "1" }), 462),
    ] {
        assert!(rig.fails("SearchPerson", search, code).contains("Search"));
    }
}

#[test]
fn control_records_are_searched_in_both_shapes() {
    let rig = Rig::new();
    let li = rig.add(RED, json!({ "CustomizeID": 1, "PersonUUID": "u", "Name": "Li", "Gender": 1, "MjCardNo": 9, "Birthday": "1990-01-01" }));
    let wang = rig.add(BLUE, json!({ "Name": "Wang" }));
    rig.record("2026-02-01T10:00:00", Some(li), VerifyStatus::Allowed);
    rig.record("2026-02-01T11:00:00", Some(wang), VerifyStatus::Refused);
    rig.record("2026-02-01T12:00:00", None, VerifyStatus::Allowed);
    rig.record("2026-02-01T13:00:00", Some(li), VerifyStatus::Pending);
    rig.cx.store.flush().unwrap();
    let with = |more: Value| {
        let mut info =
            json!({ "DeviceID": DEVICE, "BeginTime": "2026-02-01T00:00:00", "EndTime": "2026-02-01T23:59:59" });
        info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        info
    };
    assert_eq!(rig.ok("SearchControlNum", with(json!({}))), json!({ "DeviceID": DEVICE, "ControlNum": 4 }));
    let hours = |info: &Value| -> Vec<i64> {
        let list = info["SearchInfo"].as_array().unwrap();
        assert_eq!(info["TotalNum"], list.len());
        list.iter().map(|r| r["Time"].as_str().unwrap()[11..13].parse().unwrap()).collect()
    };
    for (more, expect) in [
        (json!({}), vec![10, 11, 12, 13]),
        (json!({ "Ascending": 1 }), vec![13, 12, 11, 10]),
        (json!({ "BeginNO": 1, "RequestCount": 2 }), vec![11, 12]),
        (json!({ "RequestCount": 2000 }), vec![10, 11, 12, 13]),
        (json!({ "Name": "Li" }), vec![10, 13]),
        (json!({ "Name": "远程开门" }), vec![12]),
        (json!({ "OpenDoor": 1 }), vec![10, 12]),
        (json!({ "OpenDoor": 2 }), vec![11]),
        (json!({ "Gender": 1 }), vec![10, 13]),
        (json!({ "MjCardNo": 9 }), vec![10, 13]),
        (json!({ "Age": "0-200" }), vec![10, 11, 12, 13]),
        (json!({ "Age": "30-40" }), vec![10, 13]),
        (json!({ "BeginNO": 4 }), vec![]),
        (json!({ "Idtype": 0, "Channel": 1 }), vec![10, 11, 12, 13]),
        (json!({ "CustomizeID": 1 }), vec![10, 13]),
        (json!({ "CustomizeID": 1, "OpenDoor": 1 }), vec![10]),
        (json!({ "CustomizeID": 99 }), vec![]),
        (json!({ "CustomizeID": 0, "LibID": 0, "PersonUUID": "" }), vec![10, 11, 12, 13]),
        (json!({ "LibID": wang.0 }), vec![11]),
        (json!({ "PersonUUID": "u" }), vec![10, 13]),
        (json!({ "SearchType": 1, "IdType": 0, "CustomizeID": "1" }), vec![10, 13]),
        (json!({ "SearchType": 1, "IdType": 1, "LibID": wang.0 }), vec![11]),
        (json!({ "SearchType": 1, "IdType": 2, "PersonUUID": "u", "Ascending": 1 }), vec![13, 10]),
        (json!({ "SearchType": 1, "IdType": 1, "LibID": 0 }), vec![12]),
        (json!({ "SearchType": 1, "IdType": 0, "CustomizeID": 99 }), vec![]),
    ] {
        assert_eq!(hours(&rig.ok("SearchControl", with(more.clone()))), expect, "{more}");
    }
    let found = rig.ok("SearchControl", with(json!({ "Picture": 3 })));
    let first = &found["SearchInfo"][0];
    let expect = [
        "LibID",
        "VerfyType",
        "Time",
        "VerifyStatus",
        "Similarity",
        "PersonType",
        "Name",
        "MjCardFrom",
        "WGFacilityCode",
        "MjCardNo",
        "RFIDCard",
        "Gender",
        "Nation",
        "CardType",
        "IdCard",
        "Birthday",
        "Telnum",
        "Native",
        "Address",
        "CustomizeID",
        "PersonUUID",
        "SnapPicinfo",
        "RegPicinfo",
    ];
    assert_eq!(keys(first), expect);
    assert_eq!(
        (&first["VerifyStatus"], &first["Similarity"], &first["MjCardNo"]),
        (&1.into(), &96.6.into(), &9.into())
    );
    assert!(first["SnapPicinfo"].as_str().unwrap().starts_with("data:image/jpeg;base64,/9j/"));
    assert_eq!(first["RegPicinfo"], photo(RED));
    assert_eq!(found["SearchInfo"][1]["CustomizeID"], 0);
    let remote = &found["SearchInfo"][2];
    assert_eq!(
        (&remote["Name"], &remote["RemoteOpenDoor"], &remote["VerfyType"]),
        (&"远程开门".into(), &1.into(), &27.into())
    );
    let own = rig.ok("SearchControl", with(json!({ "SearchType": 1, "IdType": 1, "LibID": li.0, "Picture": 2 })));
    assert_eq!((&own["LibID"], &own["Name"], &own["TotalNum"]), (&li.0.into(), &"Li".into(), &2.into()));
    assert_eq!(keys(&own["SearchInfo"][0]), ["Time", "VerfyType", "VerifyStatus", "Similarity", "SnapPicinfo"]);
    let each: Vec<_> = (0..2).map(|n| own["SearchInfo"][n]["VerifyStatus"].as_i64().unwrap()).collect();
    assert_eq!((each, &own["VerifyStatus"]), (vec![1, 22], &1.into()), "the first record's stands above the list too");
    assert!(rig.fails("SearchControl", json!({ "BeginTime": "2026-02-01T00:00:00" }), 462).contains("EndTime"));
    assert!(rig.fails("SearchControl", with(json!({ "SearchType": 1 })), 462).contains("IdType"));
    assert!(rig.fails("SearchControl", with(json!({ "SearchType": 1, "IdType": 2 })), 462).contains("PersonUUID"));
}

#[test]
fn captures_are_searched() {
    let rig = Rig::new();
    for hour in 10..30_i64 {
        let time = LocalTime::parse(&format!("2026-02-{:02}T{:02}:00:00", 1 + hour / 24, hour % 24)).unwrap();
        let record = CaptureRecord::new(time, PictureType::Unmatched);
        rig.cx.store.append_capture(record, Some(snap()), false);
    }
    rig.cx.store.flush().unwrap();
    let range = |more: Value| {
        let mut info =
            json!({ "DeviceID": "1300001", "BeginTime": "2026-02-01T00:00:00", "EndTime": "2026-02-05T0:0:0" });
        info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        info
    };
    assert_eq!(rig.ok("SearchCaptureNum", range(json!({}))), json!({ "DeviceID": DEVICE, "CaptureNum": 20 }));
    let found = rig.ok("SearchCapture", range(json!({})));
    assert_eq!((&found["Listnum"], &found["List"][0]["CreateTime"]), (&15.into(), &"2026-02-01T10:00:00".into()));
    assert_eq!(keys(&found["List"][0]), ["LibSnapID", "CreateTime", "SnapPicinfo"]);
    let last = rig.ok("SearchCapture", range(json!({ "Ascending": 1, "BeginNO": 1, "RequestCount": 1 })));
    assert_eq!((&last["Listnum"], &last["List"][0]["CreateTime"]), (&1.into(), &"2026-02-02T04:00:00".into()));
    let none = rig.ok("SearchCapture", range(json!({ "BeginNO": 20 })));
    assert_eq!((&none["Listnum"], &none["List"]), (&0.into(), &json!([])));
}

#[test]
fn subscriptions_replace_each_other() {
    let rig = Rig::new();
    assert_eq!(rig.send("GetSubscribe", "")["info"], json!({ "Num": 0 }));
    let body = include_str!("../data/examples/Subscribe.request.6.txt");
    assert_eq!(rig.send("Subscribe", body)["code"], 200);
    let info = rig.ok("GetSubscribe", json!({ "DeviceID": DEVICE }));
    assert_eq!((&info["Num"], &info["Topics"]), (&2.into(), &json!(["Snap", "Verify"])));
    assert_eq!((&info["Auth"], &info["User"], &info["Pwd"]), (&"Basic".into(), &"admin".into(), &"amdin".into()));
    assert!(info["BeginTime"].as_str().unwrap().starts_with("2026-03-01T12:"), "{info}");
    let card = include_str!("../data/examples/Subscribe.request.5.txt");
    assert_eq!(rig.send("Subscribe", card)["code"], 200);
    let settings = rig.cx.settings.now();
    let subscription = &settings.subscription;
    assert_eq!(
        (subscription.generation, &subscription.topics[..], subscription.beat_s),
        (2, &["Card".to_owned()][..], 30)
    );
    assert!(subscription.begin.is_some() && subscription.login.is_none());
    rig.ok("Subscribe", json!({ "Num": 1, "Topics": ["VerifyWithSnap", "Snap"], "SubscribeAddr": "http://h:1/", "SubscribeUrl": { "VerifyWithSnap": "/v", "Snap": "/s" }, "bTimedPush": 1, "PushInterval": 9, "BeatInterval": "5", "BeginTime": "2026-1-1T0:0:0" }));
    let info = rig.ok("GetSubscribe", json!({}));
    assert_eq!(
        (&info["SubscribeAddr"], &info["PushInterval"], &info["BeginTime"]),
        (&"http://h:1".into(), &9.into(), &"2026-01-01T00:00:00".into())
    );
    rig.ok("Unsubscribe", json!({ "Num": 1, "Topics": ["Snap"] }));
    assert_eq!(rig.ok("GetSubscribe", json!({}))["Topics"], json!(["VerifyWithSnap"]));
    rig.ok("Unsubscribe", json!({ "Topics": ["VerifyWithSnap", "Snap"] }));
    assert_eq!(rig.ok("GetSubscribe", json!({})), json!({ "Num": 0 }));
    assert_eq!(rig.cx.settings.now().subscription.generation, 3);
    let with = |more: Value| {
        let mut info = json!({ "Topics": ["Snap"], "SubscribeAddr": "http://h", "SubscribeUrl": { "Snap": "/s" } });
        info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        info
    };
    for (more, code, field) in [
        (json!({ "Topics": ["Snaps"] }), 464, "Topics"),
        (json!({ "Num": 0 }), 465, "Num"),
        (json!({ "Num": "x" }), 465, "Num"),
        (json!({ "Num": 10 }), 465, "Num"),
        (json!({ "Topics": [] }), 466, "Topics"),
        (json!({ "Topics": null }), 466, "Topics"),
        (json!({ "SubscribeAddr": "h:1" }), 462, "SubscribeAddr"),
        (json!({ "SubscribeAddr": null }), 462, "SubscribeAddr"),
        (json!({ "SubscribeUrl": { "HeartBeat": "/h" } }), 462, "SubscribeUrl"),
        (json!({ "bTimedPush": 1 }), 462, "PushInterval"),
        (json!({ "BeatInterval": 0 }), 462, "BeatInterval"),
        (json!({ "Auth": "Digest" }), 462, "Auth"),
        (json!({ "Auth": "basic", "User": "u" }), 462, "Pwd"),
        (json!({ "DeviceID": 7 }), 463, "DeviceID"),
    ] {
        let detail = rig.fails("Subscribe", with(more), code);
        assert!(detail.contains(field), "{detail}");
    }
    rig.fails("Unsubscribe", json!({ "Topics": ["x"] }), 464);
    assert_eq!(rig.cx.settings.now().subscription.generation, 3);
}

#[test]
fn pictures_are_compared_searched_and_looked_at() {
    let rig = Rig::new();
    let id = rig.add(RED, json!({ "Name": "Li", "CustomizeID": 3 }));
    let compare =
        |a: &str, b: &str| rig.send("GetPictureSimilarity", &json!({ "picinfo1": a, "picinfo2": b }).to_string());
    assert_eq!(compare(&photo(RED), &photo(RED))["info"]["Similarity"], 99.8);
    assert!(compare(&photo(RED), &photo(BLUE))["info"]["Similarity"].as_f64().unwrap() < 50.0);
    for (a, b, code, field) in [
        ("", photo(RED).as_str(), 464, "picinfo1"),
        (&photo(RED), "", 464, "picinfo2"),
        (&photo(RED), "***", 466, "picinfo2"),
        (&photo(RED), &text_of(b"hello"), 466, "picinfo2"),
        (&photo(WHITE), &photo(RED), 467, "picinfo1"),
    ] {
        let reply = compare(a, b);
        assert_eq!(reply["code"], code, "{reply}");
        assert!(reply["info"]["Detail"].as_str().unwrap().contains(field), "{reply}");
    }
    let found = rig.ok("GetPictureSearch", json!({ "MaxSimilarity": 80, "MaxNum": 5, "picinfo": photo(RED) }));
    assert_eq!((&found["TotalNum"], &found["SearchInfo"][0]["Uid"]), (&1.into(), &id.0.into()));
    let time = found["SearchInfo"][0]["Time"].as_str().unwrap();
    assert_eq!(&time[..11], "2026-03-01/");
    assert_eq!(found["SearchInfo"][0]["CustomizeID"], 3);
    for (more, code, field) in [
        (json!({ "MaxSimilarity": 101 }), 462, "MaxSimilarity"),
        (json!({ "MaxNum": 0 }), 462, "MaxNum"),
        (json!({ "picinfo": "" }), 465, "picinfo"),
        (json!({ "picinfo": photo(WHITE) }), 467, "picinfo"),
        (json!({ "picinfo": "a b c *" }), 468, "picinfo"),
        (json!({ "picinfo": photo(BLUE) }), 466, "MaxSimilarity"),
    ] {
        let mut info = json!({ "MaxSimilarity": "80", "MaxNum": "5", "picinfo": photo(RED) });
        info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let detail = rig.fails("GetPictureSearch", info, code);
        assert!(detail.contains(field), "{detail}");
    }
    assert_eq!(rig.ok("DetectFaceFromPic", json!({ "picinfo": photo(RED) })), json!({ "DetectFace": 1 }));
    assert_eq!(rig.ok("DetectFaceFromPic", json!({ "picinfo": photo(WHITE) })), json!({ "DetectFace": 0 }));
    rig.fails("DetectFaceFromPic", json!({}), 464);
    rig.fails("DetectFaceFromPic", json!({ "picinfo": "*" }), 465);
}

#[test]
fn the_camera_s_picture_is_given_out() {
    let rig = Rig::new();
    rig.fails("FrontalFaceSnap", json!({ "Overall": 1 }), 465);
    let size = |info: Value| {
        use base64::Engine;
        let text = info["FacePic"].as_str().unwrap().strip_prefix("data:image/jpeg;base64,").unwrap().to_owned();
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
        image::load_from_memory(&bytes).unwrap().into_rgb8().dimensions()
    };
    rig.show(RED);
    assert_eq!(size(rig.ok("FrontalFaceSnap", json!({ "DeviceID": DEVICE, "Overall": 1 }))), (96, 128));
    assert_eq!(size(rig.ok("FrontalFaceSnap", json!({ "Overall": "0" }))), (96, 128));
    rig.show(WHITE);
    let start = std::sync::Arc::clone(&rig.cx.clock).mono();
    rig.fails("FrontalFaceSnap", json!({ "Overall": 0 }), 465);
    let waited = rig.cx.clock.mono().since(start).as_millis();
    assert!((1400..3000).contains(&waited), "{waited} ms");
}

#[test]
fn the_gallery_is_filled_again_from_the_store() {
    let rig = Rig::new();
    rig.add(RED, json!({}));
    rig.add(BLUE, json!({}));
    let loaded = rig.cx.roster.load().unwrap();
    assert_eq!((loaded.people, loaded.faces), (2, 2));
    // Another pack: nobody is recognised until the photos have been measured again.
    let models = facegate::roster::Models {
        eyes: Box::new(PlainEyes),
        pack: "other".into(),
        mark: "other".into(),
        comparison: crate::rig::comparison(),
    };
    let gallery = Arc::new(facegate::vision::Gallery::new(3, facegate::vision::Metric::Cosine));
    let roster = facegate::roster::Roster::new(rig.cx.store.clone(), gallery.clone(), Some(models));
    assert_eq!(roster.load().unwrap().faces, 0);
    assert_eq!(
        (
            {
                roster.recompute(|| false);
                gallery.len()
            },
            rig.cx.store.photo(LibId(1)).unwrap()
        ),
        (2, Some(jpeg(RED)))
    );
}
