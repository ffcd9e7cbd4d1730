// An operator checks the settings file, reloads the running host, and asks the program for help.

import Foundation
import TestKit
import Testing

@Suite struct OperatorTests {
    private func run(_ arguments: String..., in scratch: ScratchDirectory) throws -> CommandResult {
        try Command([try Tools.annexd()] + arguments, directory: scratch.path, timeout: 20).run()
    }

    @Test("the example file is valid; a wrong one is refused with the nearest key, without starting")
    func configCheck() throws {
        try ScratchDirectory.with { scratch in
            let example = Tools.packageRoot + "/config/annexd.example.toml"
            let good = try run("config", "check", "--config", example, in: scratch)
            #expect(good.status == 0, "\(good.errorText)")
            #expect(good.lines == ["the settings are valid"])

            let file = scratch.child("wrong.toml")
            try write(file, "[server]\nlisen = [\"127.0.0.1:1\"]\n")
            let bad = try run("config", "check", "--config", file, in: scratch)
            #expect(bad.status == 1)
            #expect(
                bad.errorText.contains("server.lisen") && bad.errorText.contains("server.listen"), "\(bad.errorText)")
            let json = try run("config", "check", "--json", "--config", file, in: scratch)
            #expect(json.lines.first?.contains("\"valid\":false") == true)
        }
    }

    @Test(
        "what the settings name is opened, as the start would, and told in sentences",
        arguments: [
            (
                "[tls]\ncertificate = \"/nope\"\nkey = \"/nope\"\n",
                "the certificate \"/nope\" cannot be read: No such file"
            ),
            ("[tls]\ncertificate = \"CERT\"\nkey = \"CERT\"\n", "holds no private key in PEM form"),
            ("[tls]\ncertificate = \"KEY\"\nkey = \"KEY\"\n", "holds no certificate in PEM form"),
            ("[tls]\ncertificate = \"CERT\"\nkey = \"OTHER\"\n", "does not belong to the certificate"),
            ("[server]\nroot = \"/nonexistent/zz\"\n", "there is no folder \"/nonexistent\""),
            ("[server]\nroot = \"CERT\"\n", "is no folder"),
            ("[proxy]\nca_files = [\"/nope\"]\n", "holds no certificates in PEM form, or cannot be read"),
            ("[proxy]\ncredentials_file = \"/nope\"\n", "the file of logins cannot be read"),
        ])
    func configCheckOpens(text: String, problem: String) throws {
        try ScratchDirectory.with { scratch in
            let (certificate, key, other) = (scratch.child("CERT"), scratch.child("KEY"), scratch.child("OTHER"))
            try makeCertificate(certificate, other)
            try makeCertificate(certificate, key)
            let file = scratch.child("annexd.toml")
            var text = text
            for path in [certificate, key, other] {
                text = text.replacing("\"\((path as NSString).lastPathComponent)\"", with: "\"\(path)\"")
            }
            try write(file, text)
            let check = try run("config", "check", "--config", file, in: scratch)
            #expect(check.status == 1 && check.errorText.contains(problem), "\(check.transcript)")
            // Nothing of the library's: its errors are names of cases.
            #expect(!check.errorText.contains("failedTo") && !check.errorText.contains("Error("), "\(check.errorText)")
            let json = try run("config", "check", "--json", "--config", file, in: scratch)
            #expect(
                json.text.contains("\"valid\":false") && json.errorText.hasPrefix("{\"error\":"), "\(json.transcript)")
            if text.contains("credentials_file") { return }
            let rootOption = text.contains("root") ? [] : ["--root", try scratch.makeDirectory("root")]
            let serve = try Command(
                [try Tools.annexd(), "serve", "--config", file, "--listen", "127.0.0.1:0"] + rootOption,
                directory: scratch.path, timeout: 20
            ).run()
            #expect(serve.status == 1 && serve.errorText.contains(problem), "\(serve.transcript)")
        }
    }

    @Test("SIGHUP keeps the server running, and names the settings that need a restart")
    func hangUp() throws {
        try ScratchDirectory.with { scratch in
            let file = scratch.child("annexd.toml")
            try write(file, "[log]\nlevel = \"info\"\n")
            let host = try AnnexdHost(in: scratch, .init(anonymous: nil, flags: ["--config", file]))
            try write(file, "[log]\nlevel = \"debug\"\n")
            kill(host.pid, SIGHUP)
            #expect(eventually { host.log.contains("log.level") })
            #expect(try host.http.get("/-/health").status == 200)
            try host.stop()
        }
    }

    @Test("help, version and completions")
    func help() throws {
        try ScratchDirectory.with { scratch in
            let help = try run("--help", in: scratch)
            for command in ["serve", "repo", "config"] { #expect(help.text.contains(command)) }
            let serve = try run("serve", "--help", in: scratch).text
            for flag in [
                "--root", "--listen", "--config", "--anonymous", "--public-url", "--ready-json", "--ephemeral",
            ] {
                #expect(serve.contains(flag), "\(flag)")
            }
            let repo = try run("repo", "--help", in: scratch).text
            for verb in ["create", "list", "show", "rename", "delete", "restore", "purge", "import"] {
                #expect(repo.contains(verb), "\(verb)")
            }
            #expect(try run("--version", in: scratch).lines.first?.contains(".") == true)
            for shell in ["bash", "zsh", "fish"] {
                let script = try run("--generate-completion-script", shell, in: scratch)
                #expect(script.status == 0 && script.text.contains("annexd"), "\(shell)")
            }
        }
    }
}
