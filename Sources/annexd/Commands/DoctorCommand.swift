import AnnexProtocol
import ArgumentParser
import Blocking
import Hosting
import Logging
import ObjectStore
import SystemPackage
import Telemetry

/// `annexd doctor`: inspects the host and its repositories, and repairs what is safe to repair.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check repositories for damage, and repair it.",
        discussion: """
            Works beside a running server. Exit status: 0 healthy, 1 problems found (repaired or not), 2 something could \
            not be checked. Notes tell what is worth knowing and are no problems.
            """)

    @OptionGroup var common: RootOptions

    @Flag(name: .long, help: "Repair what is safe to repair; nothing that may be content is deleted.")
    var repair = false

    @Flag(name: .long, help: "Read the content of objects and compare it with their keys; goes on where it ended last.")
    var verifyObjects = false

    @Option(name: .long, help: "How fast content is read per second, such as 50MB.")
    var limitRate: ByteRate?

    @Argument(
        help: "Names such as team/data; without any, everything is checked.", transform: NameArgument.parsed)
    var names: [NameArgument] = []

    func run() async throws {
        var options = Doctor.Options()
        options.repairs = repair
        options.verifiesObjects = verifyObjects
        options.rate = limitRate?.bytes
        let output = DoctorOutput(json: common.json)
        let names = names.map(\.name)
        let summary: DoctorSummary
        do {
            summary = try await common.withServices(for: repair ? .changing : .looking) { root, services in
                let doctor = Doctor(root: root, services: services, options: options) { await output.add($0) }
                return try await doctor.run(names)
            }
        } catch let failure as Failure {
            throw Failure(failure.message, status: 2)
        }
        await output.end(summary)
        if summary.status != 0 { throw ExitCode(summary.status) }
    }
}

/// A number of bytes per second on the command line.
struct ByteRate: ExpressibleByArgument {
    let bytes: UInt64

    init?(argument: String) {
        let text = argument.hasSuffix("/s") ? String(argument.dropLast(2)) : argument
        guard let size = DataSize.parse(text), size > 0 else { return nil }
        bytes = UInt64(size)
    }
}

/// Prints findings as they come, however many there are: lines, or one JSON object with all of them.
private actor DoctorOutput {
    private let json: Bool
    private var isFirst = true

    init(json: Bool) { self.json = json }

    func add(_ finding: Finding) {
        let text = json ? (isFirst ? "{\"findings\":[" : ",") + finding.json.text : Quoting.terminal(finding.text)
        StandardOutput.print(text)
        isFirst = false
    }

    func end(_ summary: DoctorSummary) {
        guard json else {
            StandardOutput.print(summary.text)
            return
        }
        StandardOutput.print((isFirst ? "{\"findings\":[" : "") + "],\"summary\":\(summary.json.text)}")
    }
}

extension Finding {
    fileprivate var text: String {
        let place = repository.map { "\($0): " } ?? ""
        let what = subject == repository?.description ? "" : "\(subject): "
        return "\(place)\(kind.isNote ? "note: " : "")\(what)\(detail)\(outcomeText) [\(kind.rawValue)]"
    }

    private var outcomeText: String {
        switch outcome {
        case .manual: ""
        case .repairable: kind.isNote ? "" : " (--repair repairs it)"
        case .repaired: " (repaired)"
        case .failed(let reason): " (not repaired: \(reason))"
        }
    }

    fileprivate var json: JSONValue {
        var fields: [String: JSONValue] = [
            "kind": .string(kind.rawValue), "subject": .string(subject), "detail": .string(detail),
            "repository": repository.map { .string("\($0)") } ?? .null,
            "severity": .string(kind == .unchecked ? "unchecked" : kind.isNote ? "note" : "problem"),
        ]
        switch outcome {
        case .manual: fields["outcome"] = "manual"
        case .repairable: fields["outcome"] = "repairable"
        case .repaired: fields["outcome"] = "repaired"
        case .failed(let reason):
            fields["outcome"] = "failed"
            fields["reason"] = .string(reason)
        }
        return .object(fields)
    }
}

extension DoctorSummary {
    fileprivate var text: String {
        var parts = ["\(repositories) repositories", "\(problems) problems"]
        if repaired > 0 { parts.append("\(repaired) of them repaired") }
        if notes > 0 { parts.append("\(notes) notes") }
        if unchecked > 0 { parts.append("\(unchecked) not checked") }
        if verifiedObjects > 0 {
            parts.append("\(verifiedObjects) objects with \(DataSize.describe(verifiedBytes)) verified")
        }
        if unverifiableObjects > 0 {
            parts.append("\(unverifiableObjects) objects read whose keys have no digest")
        }
        return parts.joined(separator: ", ")
    }

    fileprivate var json: JSONValue {
        [
            "repositories": .number(Int64(repositories)), "problems": .number(Int64(problems)),
            "repaired": .number(Int64(repaired)), "notes": .number(Int64(notes)),
            "unchecked": .number(Int64(unchecked)), "verifiedObjects": .number(Int64(verifiedObjects)),
            "verifiedBytes": .number(Int64(clamping: verifiedBytes)),
            "unverifiableObjects": .number(Int64(unverifiableObjects)), "status": .number(Int64(status)),
        ]
    }
}
