import AnnexProtocol
import Testing

@Suite struct RepositoryNameTests {
    @Test(
        "names",
        arguments: [
            ("team/data", "team/data"), ("team/data.git", "team/data"), ("/team//data/", "team/data"), ("a", "a"),
            ("lab/a/b.git", "lab/a/b"), ("Ünï/dätä", "Ünï/dätä"), ("a b/c", "a b/c"), ("x.y", "x.y"),
            // Below a URL that ends in .git, as relative submodules write it.
            ("team/super.git/sub", "team/super/sub"), ("team/super.git/sub.git", "team/super/sub"),
            ("a.git/b.git/c", "a/b/c"),
            // A slash with an accent on it is a slash.
            ("g/\u{596}x", "g/\u{596}x"), ("g/\u{301}x/y.git", "g/\u{301}x/y"),
        ])
    func accepts(text: String, name: String) {
        #expect(RepositoryName(text)?.description == name)
    }

    /// Nothing outside the root, nothing of the host's own, nothing inside a repository's folder.
    @Test(
        "what cannot be a name",
        arguments: [
            "", "/", ".", "..", "a/..", "../a", "a/../b", ".annexd", ".annexd/trash", "a/.git", ".git", "a.git/.git",
            "a.git.git", "a.git.git/b", ".git/b", "-.git", "a/-.git/b", "..git", "...git/x", ".\u{301}a", "-",
            "-/x", "x/-/y", "a/-",
            "a\u{0}b", "a\nb", "a\\b", String(repeating: "x", count: 300),
            String(repeating: "abcdefgh/", count: 200) + "x",
        ])
    func refuses(text: String) {
        #expect(RepositoryName(text) == nil)
    }

    @Test("a folder of repositories that ends in .git has no name: its repositories would be those of another folder")
    func folders() {
        #expect(RepositoryName(folders: ["a", "b.git"]) == RepositoryName("a/b"))
        #expect(RepositoryName(folders: ["a.git", "b.git"]) == nil)
    }

    @Test("two spellings of one accented letter are two names, as they are two folders")
    func spellings() throws {
        let composed = try #require(RepositoryName("lab/\u{e9}"))
        let decomposed = try #require(RepositoryName("lab/e\u{301}.git"))
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(composed == RepositoryName("lab/\u{e9}.git"))
        #expect((composed < decomposed) != (decomposed < composed))
    }

    @Test(
        "there is a reason for every text that is no name, and for no other",
        arguments: [
            "", "/", "..", ".annexd/x", "a/.git/b", "-", "x/-/y", "a\\b", "a\u{7}", "a.git/b", "a.git.git",
            String(repeating: "x", count: 201), String(repeating: "x/", count: 600) + "x", "a", "a/b.git", "é/ü",
        ])
    func objections(text: String) {
        #expect((RepositoryName.objection(to: text) == nil) == (RepositoryName(text) != nil))
    }
}
