use super::*;

#[test]
fn names_of_files_can_be_pasted() {
    for (name, expected) in [
        ("app.log", "app.log"),
        ("/a b/c.log", "'/a b/c.log'"),
        ("it's", r"'it'\''s'"),
        ("", "''"),
        ("日志.log", "日志.log"),
    ] {
        assert_eq!(pasted(name), expected);
    }
}
