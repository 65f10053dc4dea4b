use super::*;
use proptest::prelude::*;

fn masked(message: &str) -> String {
    let mut masked = MaskedMessage::default();
    masked.read(message.as_bytes());
    masked.text().into_owned()
}

/// Where each part stands in the message that was read.
fn origins(masked: &MaskedMessage) -> Vec<Range<usize>> {
    (0..).map_while(|i| masked.origin(i)).collect()
}

#[test]
fn words_stay_and_variables_go() {
    for (message, expected) in [
        ("", ""),
        ("connection refused", "connection refused"),
        ("connection to 10.0.3.7:5432 refused", "connection to <*> refused"),
        ("took 3.2 ms, then 17 bytes", "took <*> then <*>"),
        ("took 3.2ms", "took <*>"),
        ("worker12 joined", "worker<*> joined"),
        ("IPv6 is on", "IPv6 is on"),
        ("reading /var/log/syslog and ~/.profile", "reading <*> and <*>"),
        ("read/write ratio", "read/write ratio"),
        ("mail to root@example.com bounced", "mail to <*> bounced"),
        ("lookup of db.example.com failed.", "lookup of <*> failed"),
        ("opened settings.json!", "opened <*>"),
        ("e.g. nothing", "e.g nothing"),
        ("java.net.SocketTimeoutException: timed out", "<*> timed out"),
        ("core.IDLE reached", "core.IDLE reached"),
        ("fetch https://a.b/c?d=e, then stop", "fetch <*> then stop"),
        (r"open C:\Windows\x.dll failed", "open <*> failed"),
        ("user=bob rc = 7", "user <*> rc <*>"),
        ("a == b", "a <*>"),
        ("it's done", "it s done"),
        ("mail bad9713577 and abc12 and feed2", "mail <*> and abc<*> and feed<*>"),
        ("query 'wool socks' gave up", "query <*> gave up"),
        ("he said \"it is not for us to say\" twice", "he said it is not for us to say twice"),
        ("rock 'n' roll isn't dead, it's not", "rock <*> roll isn t dead it s not"),
        ("domain 'local' unknown", "domain <*> unknown"),
        (r#"name="a b c" ok"#, "name <*> ok"),
        (r#"name="" ok"#, "name <*> ok"),
        ("the deadbeef facade", "the <*> facade"),
        ("at 12:34:56.789 or 00:1b:63:84:45:e6 or fe80::1/64", "at <*> or <*> or <*>"),
        ("std::vec::Vec of a::b", "std vec Vec of a b"),
        ("on Mon Mar 2 08:00:00 UTC 2026 it rained", "on <*> it rained"),
        ("May the force", "May the force"),
        ("(root) CMD(1234) run", "root <*> run"),
        ("Failed password for root from 1.2.3.4", "Failed password for <*> from <*>"),
        ("session opened for user alice by uid", "session opened for user <*> by uid"),
        ("waiting... done", "waiting done"),
        ("------ start - end ------", "--- start end ---"),
        ("用户123登录失败", "用户 <*> 登录 失败"),
        ("größe 5", "größe <*>"),
        ("Benutzer müller42 fehlt", "Benutzer müller<*> fehlt"),
        ("zahl٣", "zahl <*>"),
        ("v1.2-3/é4", "v<*>/é<*>"),
    ] {
        assert_eq!(masked(message), expected, "{message:?}");
    }
}

#[test]
fn a_change_of_script_and_full_width_punctuation_end_words() {
    let mut wrong = Vec::new();
    for (message, expected) in [
        ("订单12345支付失败", "订单 <*> 支付 失败"),
        ("用户zhang3登录", "用户 <*> 登录"),
        ("用户admin登录，用户ID不存在", "用户 <*> 登录 用户 ID 不存在"),
        ("模型加载：错误码GLM-1024，显存不足", "模型 加载 错误码 <*> 显存 不足"),
        ("请求abc-123-def超时", "请求 <*> 超时"),
        ("节点10.0.0.1:8080连接断开", "节点 <*> 连接 断开"),
        ("读取/var/log/a.log失败", "读取 <*> 失败"),
        ("访问https://a.b/c?d=e，超时", "访问 <*> 超时"),
        ("访问https://a.b/c?d=e超时", "访问 <*> 超时"),
        ("于12:34:56.789重试", "于 <*> 重试"),
        ("哈希9f86d081884c7d65不匹配", "哈希 <*> 不匹配"),
        ("密码=hunter2，用户名=张三", "密码 <*> 用户名 <*>"),
        ("耗时：152.3 毫秒", "耗时 <*>"),
        ("2026年3月2日12时启动", "<*> 启动"),
        ("共１２３条", "共 <*> 条"),
        ("连接Redis失败，重试３次", "连接 Redis 失败 重试 <*> 次"),
        ("文件「报表 (终).xlsx」上传成功", "文件 <*> 上传 成功"),
        ("商品【红烧牛肉面】已下架", "商品 <*> 已 下架"),
        ("【支付】创建成功", "支付 创建 成功"),
        ("状态：成功", "状态 成功"),
        ("科室：心内科，人数：3", "科室 <*> 人数 <*>"),
        ("表 t_order 锁等待", "表 <*> 锁 等待"),
        // Japanese, Korean, Thai.
        ("注文12345の決済に失敗しました", "注文 <*> の 決済 に 失敗 しました"),
        ("ユーザーtanaka3がログイン", "ユーザー <*> が ログイン"),
        ("主문 12345건 결제 실패", "主 문 <*> 건 결제 실패"),
        ("사용자kim7이 로그인", "사용자 <*> 이 로그인"),
        ("คำสั่งซื้อ12345ล้มเหลว", "คำสั่งซื้อ <*> ล้มเหลว"),
        // Scripts with blanks keep their words whole.
        ("заказ 12345 не оплачен", "заказ <*> не оплачен"),
        ("узел node-7 недоступен: ошибка", "узел <*> недоступен ошибка"),
        ("فشل الطلب ١٢٣٤، حاول لاحقا", "فشل الطلب <*> حاول لاحقا"),
        ("η παραγγελία 55 απέτυχε", "η παραγγελία <*> απέτυχε"),
        ("échec de la requête n°42 après 3 s", "échec de la requête n°<*> après <*>"),
        ("cafe\u{301} ouvert", "cafe\u{301} ouvert"),
        ("nie można otworzyć «plik.txt»", "nie można otworzyć <*>"),
        ("he said “it is not for us to say” twice", "he said it is not for us to say twice"),
        ("can’t open it", "can t open it"),
        ("“retry” of worker12 in pay-service", "<*> of worker<*> in pay-service"),
        ("done ✓ in 3 s 🎉", "done ✓ in <*> 🎉"),
    ] {
        let got = masked(message);
        if got != expected {
            wrong.push((message, got, expected));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn places_say_where_each_part_stands() {
    let message = "took 3.2 ms at db-1:5432 for 'x'";
    let mut masked = MaskedMessage::default();
    masked.read(message.as_bytes());
    let places: Vec<_> = origins(&masked).into_iter().map(|origin| &message[origin]).collect();
    assert_eq!(places, ["took", "3.2", "at", "db-1:5432", "for", "x"]);
    assert_eq!(masked.text().split(' ').count(), places.len());
}

#[test]
fn masks_make_variables_of_what_they_match() {
    let masks = Masks::new(&["tenant [a-z]+".to_owned(), r"\bfoo\b".to_owned()]).unwrap();
    let mut masked = MaskedMessage::new(masks);
    masked.read(b"for tenant acme with foo and food");
    assert_eq!(masked.text(), "for <*> with <*> and food");
    let message = "for tenant acme with foo and food";
    let places: Vec<_> = origins(&masked).into_iter().map(|origin| &message[origin]).collect();
    assert_eq!(places, ["for", "tenant acme", "with", "foo", "and", "food"]);
    for (bad, what) in [("(", "unclosed group"), ("a*", "it matches the empty text"), ("\\w{9999}{9999}", "size limit")]
    {
        let error = Masks::new(&["ok".to_owned(), bad.to_owned()]).unwrap_err();
        assert!(error.index == 1 && error.message.contains(what), "{error:?}");
    }
}

#[test]
fn of_a_long_message_the_beginning_counts() {
    let long = "word ".repeat(10_000);
    assert_eq!(masked(&long), masked(&long[..MINED_BYTES]));
    assert_eq!(masked(&"é".repeat(MINED_BYTES)), "é".repeat(MINED_BYTES / 2));
}

proptest! {
    #[test]
    fn any_bytes_have_a_skeleton_that_depends_on_them_alone(message in proptest::collection::vec(any::<u8>(), 0..300), other: String) {
        let mut masked = MaskedMessage::default();
        let hash = masked.read(&message);
        prop_assert!(hash != 0 && masked.text.len() <= message.len() * 4);
        masked.read(other.as_bytes());
        prop_assert_eq!(masked.read(&message), hash);
    }

    #[test]
    fn no_character_is_split(message in "[用户商品登录失败张三0-9a-zA-Z_ ：，「」【】（）=é€🎉ーガ한글ไทย.:/\"-]{0,60}") {
        let mut masked = MaskedMessage::default();
        masked.read(message.as_bytes());
        prop_assert!(std::str::from_utf8(&masked.text).is_ok(), "{:?}", masked.text());
        for origin in origins(&masked) {
            prop_assert!(message.get(origin).is_some());
        }
    }

    #[test]
    fn numbers_do_not_matter(a in 0_u64.., b in 0_u64..) {
        let with = |n: u64| masked(&format!("session {n} of node-{n} took {n}.5 s (rc={n}) at /x/{n}"));
        prop_assert_eq!(with(a), with(b));
    }

    #[test]
    fn places_lie_in_the_message_in_order(message: String) {
        let mut masked = MaskedMessage::default();
        masked.read(message.as_bytes());
        let places = origins(&masked);
        prop_assert!(places.iter().all(|place| message.get(place.clone()).is_some()));
        prop_assert!(places.is_sorted_by_key(|place| place.start));
        let text = masked.text();
        let words = masked.words(&text);
        prop_assert_eq!(&words, &text.split(' ').collect::<Vec<_>>());
        let varied = words.iter().zip(&places).filter(|(word, _)| word.contains(VARIABLE));
        let expected: Vec<_> = varied.map(|(word, origin)| (word.to_string(), origin.clone())).collect();
        let variables = masked.variables().map(|(word, origin)| (word.unwrap_or(VARIABLE.into()).into_owned(), origin));
        prop_assert_eq!(variables.collect::<Vec<_>>(), expected);
    }
}
