import Foundation
import Settings
import Testing

/// Holds `docs/settings.md` and `config/annexd.example.toml` to the table of keys.
///
/// With `ANNEXD_WRITE_DOCS=1`, as `make docs` sets it, they are written instead.
@Suite struct SettingsDocumentTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let example = root.appendingPathComponent("config/annexd.example.toml")
    private static let page = root.appendingPathComponent("docs/settings.md")

    @Test(arguments: [(example, Settings.exampleFile()), (page, Settings.referencePage())])
    func fileIsUpToDate(file: URL, text: String) throws {
        if ProcessInfo.processInfo.environment["ANNEXD_WRITE_DOCS"] == "1" {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == text, "run `make docs`")
    }

    @Test func exampleIsTheDefaults() throws {
        #expect(try Settings.load(file: Self.example.path) == Settings())
    }

    @Test(arguments: SettingKey.all)
    func exampleHoldsEveryKey(key: SettingKey) throws {
        let text = try String(contentsOf: Self.example, encoding: .utf8)
        let leaf = try #require(key.name.split(separator: ".").last)
        #expect(text.contains("\n\(leaf) = \(key.defaultValue)\n"))
    }

    @Test(arguments: SettingKey.all)
    func pageHoldsEveryKey(key: SettingKey) {
        let page = Settings.referencePage()
        #expect(page.contains("### `\(key.name)`\n"))
        #expect(page.contains("- environment: `\(key.environmentName)`\n"))
    }

    @Test func namesAreUnique() {
        #expect(Set(SettingKey.all.map(\.name)).count == SettingKey.all.count)
        #expect(Set(SettingKey.all.map(\.environmentName)).count == SettingKey.all.count)
    }
}
