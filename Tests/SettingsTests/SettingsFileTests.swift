import Foundation
import Settings
import Testing

@Suite struct SettingsFileTests {
    private func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("annexd-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("annexd.toml")
        try Data(bytes).write(to: file)
        try body(file.path)
    }

    @Test func readsAFile() throws {
        try withFile(Array("[log]\nlevel = \"error\"\n".utf8)) { path in
            let settings = try Settings.load(file: path)
            #expect(settings.log.level == .error)
        }
    }

    @Test func noFileIsTheDefaults() throws { #expect(try Settings.load() == Settings()) }

    @Test func aMissingFileIsNamed() {
        do {
            _ = try Settings.load(file: "/nonexistent/annexd.toml")
            Issue.record("loaded a file that does not exist")
        } catch {
            #expect(error.code == .unreadable)
            #expect(error.message == "/nonexistent/annexd.toml: cannot be read: No such file or directory")
        }
    }

    @Test func aFolderIsNoFile() {
        #expect {
            try Settings.load(file: "/")
        } throws: {
            ($0 as? SettingsError)?.code == .unreadable
        }
    }

    @Test func bytesThatAreNotUTF8AreRefused() throws {
        try withFile([0x61, 0xff]) { path in
            #expect {
                try Settings.load(file: path)
            } throws: {
                "\($0)" == "\(path): not UTF-8"
            }
        }
    }

    @Test func aHugeFileIsRefused() throws {
        try withFile(Array(repeating: 0x0a, count: (1 << 20) + 1)) { path in
            #expect {
                try Settings.load(file: path)
            } throws: {
                ($0 as? SettingsError)?.code == .unreadable
            }
        }
    }
}
