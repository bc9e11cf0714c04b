use base::Limit;

use super::*;
use crate::mutate;
use crate::remote_write::v1::WriteRequest;

views! {
    struct Tree<'a> {
        name: Str = 1,
        children: Many<Tree<'a>> = 2,
        numbers: Numbers<Sint64> = 3,
        doubles: Numbers<Double> = 4,
        small: Int32 = 5,
        flag: Bool = 6,
        fixed: Fixed32 = 7,
        words: ManyStr = 8,
        maybe: Opt<Uint64> = 9,
    }
}

fn tree(fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    fill(&mut writer);
    writer.finish()
}

fn error(body: &[u8]) -> String {
    let walk = || -> Result<(), Error> {
        let tree = Tree::decode(body)?;
        tree.numbers.iter().try_for_each(|number| number.map(drop))?;
        tree.words.iter().try_for_each(|word| word.map(drop))?;
        tree.children.iter().try_for_each(|child| child.map(drop))
    };
    walk().unwrap_err().to_string()
}

#[test]
fn what_the_writer_writes_is_read() {
    let body = tree(|w| {
        w.bytes(1, "é".as_bytes());
        w.message(2, |w| w.bytes(1, &[b'x'; 300]));
        w.message(3, |w| [3u64, 0, u64::MAX].into_iter().for_each(|n| w.bare_varint(n)));
        w.varint(3, 1);
        w.double(4, -0.5);
        w.varint(5, (-7i64).cast_unsigned());
        w.varint(6, 1);
        w.fixed32(7, 9);
        w.bytes(8, b"a");
        w.bytes(99, b"unknown");
        w.varint(98, u64::MAX);
        w.fixed64(97, 1);
        w.bytes(8, b"");
        w.varint(9, 0);
    });
    let tree = Tree::decode(&body).unwrap();
    assert_eq!((tree.name, tree.small, tree.flag, tree.fixed, tree.maybe), ("é", -7, true, 9, Some(0)));
    assert_eq!(tree.children.iter().next().unwrap().unwrap().name.len(), 300);
    assert_eq!(tree.numbers.iter().map(Result::unwrap).collect::<Vec<_>>(), [-2, 0, i64::MIN, -1]);
    assert_eq!(tree.doubles.iter().map(Result::unwrap).collect::<Vec<_>>(), [-0.5]);
    assert_eq!(tree.words.iter().map(Result::unwrap).collect::<Vec<_>>(), ["a", ""]);
    assert_eq!(tree.numbers.count().unwrap(), 4);
    assert!(tree.numbers.raw().is_some() && tree.words.raw().is_none(), "{tree:?}");
}

#[test]
fn errors_name_the_byte_and_the_fields() {
    let child = |inner: &[u8]| tree(|w| (w.bytes(1, b"n"), w.message(2, |_| ()), w.bytes(2, inner)).2);
    let cases: [(Vec<u8>, &str); 13] = [
        (child(b"\x0a"), "Tree.children[1].name at byte 8: cut short"),
        (child(b"\x0a\x05ab"), "Tree.children[1].name at byte 8: cut short"),
        (child(b"\x0a\x01\xff"), "Tree.children[1].name at byte 9: a string that is not UTF-8"),
        (child(b"\x0b"), "Tree.children[1] at byte 7: a group, which these messages do not have"),
        (child(b"\x07"), "Tree.children[1] at byte 7: no field has the number 0"),
        (child(b"\x0f"), "Tree.children[1] at byte 7: wire type 7, which does not exist"),
        (child(b"\x08\x01"), "Tree.children[1].name at byte 8: wire type 0 where 2 is declared"),
        (
            child(b"\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
            "Tree.children[1].small at byte 8: a varint of more than 64 bits",
        ),
        (child(b"\xfa\x07\x09"), "Tree.children[1].127 at byte 9: cut short"),
        (b"\x12\x05".to_vec(), "Tree.children[0] at byte 1: cut short"),
        (b"\xff\xff\xff\xff\x7f".to_vec(), "Tree at byte 0: no field has the number 4294967295"),
        (b"\x1a\x02\x02\x80".to_vec(), "Tree.numbers[0] at byte 3: cut short"),
        (b"\x42\x00\x42\x01\xfe".to_vec(), "Tree.words[1] at byte 4: a string that is not UTF-8"),
    ];
    for (body, expected) in cases {
        assert_eq!(error(&body), expected);
    }
}

const LIMIT: Limit = Limit::new("test_lossy_bytes", 10_000);

#[test]
fn strings_that_are_not_utf_8_are_replaced_and_all_else_stays_as_it_was() {
    let sent = |name: &[u8], word: &[u8]| {
        tree(|w| {
            w.bytes(1, b"caf\xc3\xa9");
            w.message(2, |w| {
                w.message(2, |w| w.bytes(1, name));
                w.bytes(99, b"\xff");
                w.message(3, |w| [3u64, 200].into_iter().for_each(|n| w.bare_varint(n)));
            });
            w.bytes(8, b"a");
            w.bytes(8, word);
            w.fixed32(7, 0xffff_ffff);
        })
    };
    let (mut out, good) = (vec![1; 3], sent(b"n", b"b"));
    lossy(&good, Tree::message(), LIMIT, &mut out).unwrap();
    assert_eq!(out, good);
    // So long that the lengths of the messages around it take more bytes than before.
    lossy(&sent(&[0xff; 100], b"b\xe2\x82"), Tree::message(), LIMIT, &mut out).unwrap();
    assert_eq!(out, sent("\u{fffd}".repeat(100).as_bytes(), "b\u{fffd}".as_bytes()));
}

#[test]
fn what_is_written_without_other_bytes_is_the_message_within_its_limit() {
    let mut out = Vec::new();
    let long = tree(|w| (0..40).for_each(|_| w.message(2, |w| w.bytes(1, &[0xff; 100]))));
    let error = lossy(&long, Tree::message(), LIMIT, &mut out).unwrap_err();
    assert!(matches!(&error, LossyError::TooLarge(what) if what.name == "test_lossy_bytes"), "{error}");
    for strings in [1, 4] {
        // No message begins behind what is too much.
        let long = tree(|w| (0..strings).for_each(|_| w.bytes(8, &vec![0xff; 9_900 / strings])));
        let mut out = Vec::new();
        let error = lossy(&long, Tree::message(), LIMIT, &mut out).unwrap_err();
        assert!(matches!(&error, LossyError::TooLarge(what) if what.name == "test_lossy_bytes"), "{error}");
        assert!(out.capacity() < 20_000, "{}", out.capacity());
    }
    let error = lossy(b"\x0a\x01\xff\x12\x05", Tree::message(), LIMIT, &mut out).unwrap_err();
    assert_eq!(error.to_string(), "Tree.children[0] at byte 4: cut short");
    let body = tree(|w| (w.bytes(1, b"\xe9"), w.message(2, |w| w.bytes(8, b"\xff"))).1);
    mutate::each(&body, 2000, |bytes| {
        if lossy(bytes, Tree::message(), LIMIT, &mut out).is_ok() {
            assert!(Tree::decode(&out).err().is_none_or(|error| *error.fault() != Fault::Utf8));
        }
    });
}

#[test]
fn messages_within_messages_have_a_bound() {
    let body = (0..200).fold(Vec::new(), |inner, _| tree(|w| w.bytes(2, &inner)));
    let (mut level, mut depth) = (Tree::decode(&body).unwrap(), 0);
    let error = loop {
        match level.children.iter().next().unwrap() {
            Ok(child) => level = child,
            Err(error) => break error,
        }
        depth += 1;
    };
    assert_eq!((depth, error.fault()), (64, &Fault::Depth(MAX_DEPTH)));
    assert!(error.path().ends_with(".children[0]"), "{error}");
}

#[test]
fn an_error_is_the_last_that_an_iterator_gives() {
    let body = tree(|w| [&b"a"[..], b"\xff", b"b"].into_iter().for_each(|word| w.bytes(8, word)));
    let words: Vec<_> = Tree::decode(&body).unwrap().words.iter().map(|word| word.is_ok()).collect();
    assert_eq!(words, [true, false]);
}

#[test]
fn damage_never_panics() {
    fn walk(tree: &Tree<'_>, left: &mut u32) {
        for child in tree.children.iter().map_while(Result::ok) {
            *left = left.checked_sub(1).unwrap();
            walk(&child, left);
        }
        assert!(tree.numbers.iter().count() <= 2000 && tree.doubles.iter().count() <= 2000);
    }
    let body = (0..30u8).fold(Vec::new(), |inner, n| {
        tree(|w| {
            w.bytes(1, &[n, n]);
            w.message(3, |w| (0..4).for_each(|n| w.bare_varint(n << 20)));
            w.bytes(2, &inner);
            w.double(4, 1.0);
        })
    });
    mutate::each(&body, 2000, |bytes| {
        let mut left = 2000;
        if let Ok(tree) = Tree::decode(bytes) {
            walk(&tree, &mut left);
        }
        let _ = WriteRequest::read(bytes);
    });
}
