//! YAML trees: what was read and is written again, in quotes, reads the same; a bomb ends at its limit.

use base::Limit;
use yaml::{Limits, Node, Tree, parse};

use crate::{input, seeds};

const LIMITS: Limits =
    Limits { bytes: Limit::new("fuzz_yaml_bytes", 1 << 17), nodes: Limit::new("fuzz_yaml_nodes", 50_000) };

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        seeds::file("rules/tests/cases/good.yml"),
        seeds::file("rules/tests/cases/rules.yml"),
        seeds::file("alertmanager/tests/cases/full.yaml"),
        seeds::file("alertmanager/tests/cases/matchers.yaml"),
    ];
    seeds.extend(seeds::of(&[
        "a: &a [1, 'b', \"c\\n\\u00e9\"]\nb: *a\nc:\n- x\n- {d: ~, e: null, ? f : |\n  text\n }\n",
        "a: >-\n  folded\n  text\nb: |2+\n   kept\n\n...\n---\nsecond: 1\n",
        "%YAML 1.2\n---\n!!map {? !!str a : !!int 1}\n",
    ]));
    seeds.push(seeds::growing("", "[", ""));
    seeds.push(seeds::growing("", "- ", "a"));
    seeds.push(seeds::growing("[", "a, ", "b]"));
    seeds.push(seeds::growing("", "&a ", "b"));
    seeds.push(seeds::growing("- &a [b]\n", "- *a\n", ""));
    seeds.push(seeds::growing("a: '", "''", "'"));
    seeds
}

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    let root = match parse(&text, LIMITS) {
        Ok(None) => return,
        Ok(Some(root)) => root,
        Err(problem) => {
            input::assert_place(&text, problem.place.line, problem.place.column);
            return assert!(!problem.message.is_empty());
        }
    };
    assert!(nodes(&root) <= LIMITS.nodes.max());
    let mut written = String::new();
    // The parser has a bound on depth that aliases get around.
    if !write(&root, 0, &mut written) || written.len() as u64 > LIMITS.bytes.max() {
        return;
    }
    let again = parse(&written, LIMITS).unwrap_or_else(|problem| panic!("{problem}\n{written}"));
    assert!(again.as_ref().is_some_and(|again| same(again, &root)), "{again:?}\n{root:?}\n{written}");
}

/// Lists, maps and values, with keys.
fn nodes(node: &Node) -> u64 {
    match &node.tree {
        Tree::Scalar { .. } => 1,
        Tree::List(items) => 1 + items.iter().map(nodes).sum::<u64>(),
        Tree::Map(members) => 1 + members.iter().map(|(_, value)| 1 + nodes(value)).sum::<u64>(),
    }
}

fn write(node: &Node, depth: usize, out: &mut String) -> bool {
    match &node.tree {
        _ if depth > 45 => return false,
        Tree::Scalar { .. } if node.is_null() => out.push('~'),
        Tree::Scalar { text, .. } => wire::json::push_quoted(out, text),
        Tree::List(items) => {
            out.push('[');
            for item in items {
                if !write(item, depth + 1, out) {
                    return false;
                }
                out.push_str(", ");
            }
            out.push(']');
        }
        Tree::Map(members) => {
            out.push('{');
            for (key, value) in members {
                wire::json::push_quoted(out, &key.text);
                out.push_str(": ");
                if !write(value, depth + 1, out) {
                    return false;
                }
                out.push_str(", ");
            }
            out.push('}');
        }
    }
    true
}

fn same(a: &Node, b: &Node) -> bool {
    match (&a.tree, &b.tree) {
        _ if a.is_null() || b.is_null() => a.is_null() == b.is_null(),
        (Tree::Scalar { text, .. }, Tree::Scalar { text: other, .. }) => text == other,
        (Tree::List(items), Tree::List(others)) => {
            items.len() == others.len() && items.iter().zip(others).all(|(a, b)| same(a, b))
        }
        (Tree::Map(members), Tree::Map(others)) => {
            let pairs = members.iter().zip(others);
            members.len() == others.len() && pairs.into_iter().all(|((k, a), (l, b))| k.text == l.text && same(a, b))
        }
        _ => false,
    }
}
