//! That the documentation names every key, and no other.

use super::Board;

/// Sections and keys of the tables in the documentation.
fn documented() -> Vec<(String, String)> {
    let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let (mut sections, mut keys) = (Vec::new(), Vec::new());
    for line in include_str!("../../docs/boards.md").lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            sections = quoted(heading);
        } else if let Some(row) = line.strip_prefix("| `") {
            let named = quoted(&format!("`{}", row.split(" | ").next().unwrap_or_default()));
            let root = [String::new()];
            let sections = if sections.is_empty() { &root[..] } else { &sections };
            keys.extend(sections.iter().flat_map(|s| named.iter().map(|key| (s.clone(), key.clone()))));
        }
    }
    keys
}

#[test]
fn every_key_of_the_documentation_is_one() {
    let documented = documented();
    assert!(documented.len() > 70, "the tables are found: {documented:?}");
    for (section, key) in documented {
        let problems = Board::parse("a.toml", &format!("{section}\n{key} = nan\n")).unwrap_err().to_string();
        assert!(problems.contains(&format!("{key} = nan: ")), "{section} {key} is looked at: {problems}");
        assert!(!problems.contains("unknown key"), "{section} {key}: {problems}");
    }
}

#[test]
fn every_key_of_a_profile_is_documented() {
    fn walk(section: &str, table: &toml::Table, found: &mut Vec<(String, String)>) {
        for (key, value) in table {
            let name = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
            match value {
                toml::Value::Table(table) => walk(&name, table, found),
                toml::Value::Array(items) if items.iter().all(toml::Value::is_table) => {
                    items.iter().filter_map(toml::Value::as_table).for_each(|table| walk(&name, table, found));
                }
                _ => found.push((section.to_owned(), key.clone())),
            }
        }
    }
    let documented: Vec<_> =
        documented().into_iter().map(|(section, key)| (section.trim_matches(['[', ']']).to_owned(), key)).collect();
    for entry in std::fs::read_dir("boards").unwrap() {
        let path = entry.unwrap().path();
        let mut found = Vec::new();
        walk("", &std::fs::read_to_string(&path).unwrap().parse().unwrap(), &mut found);
        for key in found {
            assert!(documented.contains(&key), "{}: {key:?}", path.display());
        }
    }
}
