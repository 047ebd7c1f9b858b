use super::*;

fn lines(sheet: &Sheet) -> Vec<String> {
    sheet.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn a_sentence_is_folded_at_spaces_and_set_in_and_a_number_keeps_its_unit() {
    let mut sheet = Sheet::new(Some(24));
    sheet.say(2, ["the service held 1,250 ms for ≥ 30 s and then no more"]);
    assert_eq!(
        lines(&sheet),
        ["  the service held", "      1,250 ms for", "      ≥ 30 s and then no", "      more",]
    );
    let mut unfolded = Sheet::new(None);
    unfolded.say(2, ["the service held 1,250 ms for ≥ 30 s and then no more"]);
    assert_eq!(lines(&unfolded).len(), 1);
}

#[test]
fn a_tone_ends_where_its_piece_does_even_within_a_word() {
    let mut sheet = Sheet::new(Some(60));
    sheet.say(0, [Tone::Bad.of("INVALID"), Piece::from(": too slow")]);
    let tones: Vec<(Tone, &str)> =
        sheet.lines()[0].iter().map(|piece| (piece.tone, &*piece.text)).collect();
    assert_eq!(tones, [(Tone::Bad, "INVALID"), (Tone::Plain, ": too slow")]);
}

#[test]
fn a_word_without_an_end_is_cut_by_the_width_that_it_has_on_a_terminal() {
    for word in ["x".repeat(400), "日本".repeat(100), "👩".repeat(128), "e\u{301}".repeat(300)]
    {
        for columns in [20, 21, 60, 80] {
            let mut sheet = Sheet::new(Some(columns));
            sheet.say(4, [format!("a name: {word} and more")]);
            let lines = lines(&sheet);
            assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?}");
            let shown: String = lines.iter().flat_map(|line| line.trim().chars()).collect();
            assert!(shown.contains(&word), "nothing of it is lost: {shown}");
        }
    }
}

#[test]
fn two_spaces_stay_two_and_what_acts_on_a_terminal_is_made_visible() {
    let mut sheet = Sheet::new(Some(60));
    sheet.say(0, ["a  b\x1b[2J\nc"]);
    assert_eq!(lines(&sheet), ["a  b\\u{1b}[2J\\nc"]);
}

#[test]
fn characters_that_are_wider_together_are_cut_to_the_width_that_they_have() {
    for text in ["#\u{fe0f}".repeat(9), format!("a{}", "\u{fe0f}#".repeat(40))] {
        for columns in 0..=20 {
            let short = cut(&text, columns);
            assert!(width(&short) <= columns, "{short:?} in {columns}");
            assert!(width(up_to(&text, columns)) <= columns);
        }
    }
}

#[test]
fn a_text_is_cut_in_its_middle_as_names_differ_at_their_end() {
    assert_eq!(cut("GET /api/v1/users/list", 11), "GET /…/list");
    assert_eq!(cut("short", 5), "short");
    assert_eq!(cut("日本日本日本", 6), "日…本");
    assert_eq!(cut("ab", 1), "…");
}

fn table(name: &str, figures: &[&str]) -> Table {
    let heads = ["ok", "p95", "p99.9"];
    Table {
        title: "of a kind".to_owned(),
        columns: (0..3).map(|rank| Column { head: heads[rank], rank }).collect(),
        rows: vec![Row {
            name: name.to_owned(),
            figures: figures.iter().map(|&figure| figure.into()).collect(),
            below: None,
        }],
    }
}

#[test]
fn a_table_without_room_leaves_out_its_last_columns_and_says_which() {
    let mut sheet = Sheet::new(Some(30));
    sheet.table(table("front page", &["1,234", "12.3 ms", "≥ 45.6 ms"]));
    sheet.tell_left_out();
    assert_eq!(
        lines(&sheet),
        [
            "",
            "    of a kind      ok      p95",
            "    front page  1,234  12.3 ms",
            "",
            "  some tables lack columns",
            "      that have no room here",
            "      (p99.9): a wider",
            "      terminal or --out",
            "      json=FILE shows them",
        ]
    );
    let mut wide = Sheet::new(Some(80));
    wide.table(table("front page", &["1,234", "12.3 ms", "≥ 45.6 ms"]));
    wide.tell_left_out();
    assert_eq!(
        lines(&wide),
        [
            "",
            "    of a kind         ok       p95      p99.9",
            "    front page     1,234   12.3 ms  ≥ 45.6 ms",
        ]
    );
}

#[test]
fn a_name_that_is_too_long_stands_above_its_figures() {
    let mut sheet = Sheet::new(Some(60));
    let name = "日".repeat(40);
    sheet.table(table(&name, &["1", "2 ms", "3 ms"]));
    let lines = lines(&sheet);
    assert_eq!(lines[2], format!("    {}", "日".repeat(28)));
    let rest = format!("    {}", "日".repeat(12));
    assert!(lines[3].starts_with(&rest) && lines[3].ends_with("  1  2 ms   3 ms"), "{lines:?}");
    assert!(lines.iter().all(|line| width(line) <= 60), "{lines:?}");
}
