use super::*;
use crate::engine::testing::{parsed_batch, parser};
use proptest::prelude::*;
use std::collections::BTreeMap;

struct Mine {
    parser: crate::event::EventParser,
    templates: Templates,
    merges: Vec<Merge>,
}

impl Mine {
    fn new(keys: usize) -> Self {
        Self::with(keys, &TemplateOptions::default())
    }

    fn with(keys: usize, options: &TemplateOptions) -> Self {
        let parser = parser().with_masks(options.masks.clone());
        Self { parser, templates: Templates::new(keys, options), merges: Vec::new() }
    }

    fn see(&mut self, message: &str) -> TemplateMatch {
        let line = serde_json::json!({ "message": message }).to_string();
        let batch = parsed_batch(&mut self.parser, &line);
        self.templates.see(&batch.fields(0), Timestamp(7), &mut self.merges)
    }

    fn params(&mut self, message: &str) -> Vec<String> {
        let id = self.see(message).id;
        let line = serde_json::json!({ "message": message }).to_string();
        let batch = parsed_batch(&mut self.parser, &line);
        self.templates.params(&batch.fields(0), id)
    }
}

#[test]
fn messages_that_differ_in_variables_are_of_one_template() {
    let mut mine = Mine::new(100);
    let first = mine.see("connection to 10.0.0.1:80 refused");
    let again = mine.see("connection to 10.9.9.9:8080 refused");
    assert_eq!((first.id, first.count, again.id, again.count), (first.id, 1, first.id, 2));
    assert_ne!(mine.see("connection to 10.0.0.1:80 accepted").id, first.id);
    let template = mine.templates.get(first.id).unwrap();
    assert_eq!((template.text.as_str(), template.count), ("connection to <*> refused", 2));
    assert_eq!(template.example(), "connection to 10.0.0.1:80 refused");
    assert_eq!(mine.params("connection to 10.9.9.9:8080 refused"), ["10.9.9.9:8080"]);
    for (message, text) in [
        ("attempt 7 failed, retrying: not ready", "attempt <*> failed, retrying: not ready"),
        ("worker12 (pid 99) left [code=3].", "worker<*> (pid <*>) left [code=<*>]."),
        ("no variable at all!", "no variable at all!"),
        ("nothing varies here", "nothing varies here"),
    ] {
        let id = mine.see(message).id;
        assert_eq!(mine.templates.text(id), Some(text));
        assert_eq!(mine.templates.get(id).unwrap().example(), message);
        assert_eq!(mine.params(message).len(), text.matches("<*>").count());
    }
}

#[test]
fn ids_are_hashes_of_the_text() {
    let mut mine = Mine::new(100);
    let id = mine.see("disk sda1 is full").id;
    assert_eq!(id.0, xxhash_rust::xxh3::xxh3_64(b"disk sda<*> is full"));
    assert_eq!((id.to_string().len(), id.to_string().parse()), (16, Ok(id)));
    // JSON escapes are no part of a message.
    assert_eq!(mine.see("a\n\"b\" c").id, mine.see("a\n\"b\" c").id);
}

#[test]
fn a_position_that_varies_is_opened_and_the_merge_announced() {
    let mut mine = Mine::new(1_000);
    let names = ["ada", "bob", "cy", "dee", "eve", "fay", "gus", "hal", "ida"];
    let sights: Vec<_> = names.iter().map(|name| mine.see(&format!("the job {name} has been sent away"))).collect();
    let root = sights[7].id;
    assert!(sights[..7].iter().all(|sight| sight.count == 1 && sight.id != root));
    assert_eq!((sights[7].count, sights[8].count, sights[8].id), (8, 9, root));
    assert_eq!(mine.merges.len(), 8);
    assert!(mine.merges.iter().all(|merge| merge.into == root));
    assert_eq!(mine.templates.text(sights[0].id), Some("the job <*> has been sent away"));
    // Messages seen before the merge now have the merged template.
    assert_eq!(mine.see("the job ada has been sent away"), TemplateMatch { id: root, count: 10 });
    assert_eq!(mine.params("the job ada has been sent away"), ["ada"]);
    assert_eq!((mine.templates.merged(), mine.templates.all().count()), (8, 1));
}

#[test]
fn a_list_of_any_length_is_one_template() {
    let mut mine = Mine::new(100);
    let list = |n: usize| (0..n).map(|i| format!("blk {i}, ")).collect::<String>() + "deleted";
    let id = mine.see(&list(3)).id;
    assert_eq!(mine.see(&list(9)).id, id);
    assert_eq!(mine.params(&list(3)), ["0", "1", "2"]);
}

#[test]
fn seeds_and_masks_come_first() {
    let options = TemplateOptions {
        masks: Masks::new(&["tenant-[a-z]+".to_owned()]).unwrap(),
        seeds: vec!["user <*> logged in".to_owned()],
    };
    let mut mine = Mine::with(100, &options);
    let id = mine.see("user bob logged in").id;
    assert_eq!(
        (mine.see("user eve the great logged in").id, mine.templates.text(id)),
        (id, Some("user <*> logged in"))
    );
    assert_ne!(mine.see("user bob logged out").id, id);
    assert_eq!(mine.see("quota of tenant-a hit").id, mine.see("quota of tenant-bc hit").id);
    assert_eq!(mine.params("quota of tenant-bc hit with 5 left"), ["tenant-bc", "5"]);
}

#[test]
fn a_restart_forgets_nothing() {
    let mut mine = Mine::new(1_000);
    for name in ["ada", "bob", "cy", "dee", "eve", "fay", "gus"] {
        mine.see(&format!("the job {name} has been sent away"));
    }
    let mut again = Mine::new(1_000);
    again.templates.restore(&mine.templates.snapshot()).unwrap();
    for name in ["hal", "ada", "ida"] {
        let message = format!("the job {name} has been sent away");
        assert_eq!(mine.see(&message), again.see(&message));
    }
    assert_eq!(mine.merges, again.merges);
    assert!(again.templates.restore(b"no snapshot").is_err());
}

proptest! {
    #[test]
    fn tables_stay_under_their_caps_and_every_message_has_a_template(
        messages in proptest::collection::vec("[ab]{1,6}( [a-d]{1,2}){0,8}", 1..400),
    ) {
        let mut mine = Mine::new(10);
        for message in &messages {
            let sight = mine.see(message);
            prop_assert!(sight.count >= 1 && sight.id != TemplateId::default());
            prop_assert!(mine.templates.get(sight.id).is_some());
        }
        for table in mine.templates.tables() {
            prop_assert!(table.keys <= 20);
        }
    }
}

/// Grouping accuracy for 78 messages of Chinese services: the share of lines whose group is exactly
/// the right one (Zhu et al., ICSE-SEIP 2019).
#[test]
fn chinese_messages_are_grouped() {
    let mut mine = Mine::new(10_000);
    let lines: Vec<(&str, &str)> =
        include_str!("chinese.tsv").lines().filter_map(|line| line.split_once('\t')).collect();
    let (mut groups, mut mined): (BTreeMap<_, Vec<_>>, BTreeMap<_, Vec<_>>) = Default::default();
    for (i, (group, message)) in lines.iter().enumerate() {
        groups.entry(*group).or_default().push(i);
        mined.entry(mine.see(message).id).or_default().push(i);
    }
    let right: usize = mined.values().filter(|lines| groups.values().any(|group| group == *lines)).map(Vec::len).sum();
    let accuracy = right as f64 / lines.len() as f64;
    assert!(lines.len() >= 200 && groups.len() >= 20 && accuracy >= 0.97, "{accuracy} of {}", lines.len());
}
