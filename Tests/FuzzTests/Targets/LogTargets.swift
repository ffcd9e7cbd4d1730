import AnnexProtocol

/// The lines of every family of branch files: what is read can be written and read again, and the merge of several
/// versions does not depend on how they came together (spec 02 §1.4).
let logTargets = [
    FuzzTarget("timestamp") { input in
        guard let timestamp = BranchTimestamp(parsing: input.bytes[...]) else { return }
        try requireEqual(BranchTimestamp(parsing: timestamp.serialized[...]), timestamp, "the clock written anew")
        let now = BranchTimestamp(seconds: 1_800_000_000)
        let next = BranchTimestamp.next(candidate: now, after: timestamp)
        try require(next >= timestamp && next >= now, "the next clock is no older")
        try requireEqual(BranchTimestamp(parsing: next.serialized[...]), next, "the next clock can be read")
    },
    FuzzTarget("presence-log") { input in
        try checkFamily(input) {
            PresenceLog(parsing: $0)
        } add: {
            $0.add($1)
        } write: {
            $0.serialized
        }
        var log = PresenceLog(parsing: input.bytes)
        let uuid = Array("u-1".utf8)
        for info in Array(log.records.keys.prefix(10)) + [uuid] {
            try requireEqual(PresenceLog.status(of: info, in: input.bytes), log[info], "asked about one alone")
        }
        for status in [PresenceLog.Status.present, .missing] {
            log.set(uuid, to: status, now: BranchTimestamp(seconds: 1))
            try requireEqual(PresenceLog(parsing: log.serialized)[uuid], status, "what is recorded can be read")
        }
        log.markDead()
        let dead = PresenceLog(parsing: log.serialized)
        try requireEqual(dead, log, "a dead key's log written anew")
        try requireEqual(dead[uuid], .dead, "what is dead can be read")
        try requireEqual(dead.isDead, dead.present.isEmpty, "dead is what is nowhere")
    },
    FuzzTarget("uuid-log") { input in
        try checkFamily(input) {
            OldUUIDLog(parsing: $0)
        } add: {
            $0.add($1)
        } write: {
            $0.serialized
        }
        guard let uuid = RepositoryUUID("u-1") else { return }
        var log = OldUUIDLog(parsing: input.bytes)
        let value = OldUUIDLog.description(input.parts(2)[1])
        log.set(uuid, to: value, now: BranchTimestamp(seconds: 1))
        try requireEqual(OldUUIDLog(parsing: log.serialized)[uuid], value, "what is recorded can be read")
        _ = Differences(parsing: input.bytes)
    },
    FuzzTarget("keyed-log") { input in
        try checkFamily(input) {
            KeyedLog(parsing: $0)
        } add: {
            $0.add($1)
        } write: {
            $0.serialized
        }
        var log = KeyedLog(parsing: input.bytes)
        log.set([102], to: [118], now: BranchTimestamp(seconds: 1))
        try requireEqual(KeyedLog(parsing: log.serialized)[[102]], [118], "what is recorded can be read")
        try require(
            ExportLog(parsing: input.bytes).trees.allSatisfy { [40, 64].contains($0.utf8.count) }, "object names")
    },
    FuzzTarget("count-log") { input in
        try checkFamily(input) {
            CountLog(parsing: $0)
        } add: {
            $0.add($1)
        } write: {
            $0.serialized
        }
        let parts = input.parts(2)
        try requireEqual(
            CountLog(parsing: parts[0] + [10] + parts[1]), CountLog(parsing: parts[1] + [10] + parts[0]),
            "the order of lines has no say")
        if let record = CountLog(parsing: input.bytes).record { try require(record.count >= 1, "at least one copy") }
    },
    // A file, a gateway's UUID, and the UUID and name of a repository that it proxies for.
    FuzzTarget("proxy-log") { input in
        let parts = input.parts(4)
        guard let gateway = RepositoryUUID(parts[1]) else { return }
        var log = ProxyLog(parsing: parts[0])
        try requireEqual(ProxyLog(parsing: log.serialized), log, "the log written anew")
        let entries = log.entries(of: gateway)
        let reading = log.entries(of: [gateway])
        let looked = reading.entries[gateway] ?? []
        try require(looked.count <= ProxyLog.maximumEntries && looked.isSubset(of: entries), "a bounded part of it")
        if reading.cut.isEmpty { try requireEqual(looked, entries, "all of it where it is not cut") }
        for entry in entries {
            try require(ProxyLog.isRemoteName(entry.name), "a remote can have the name \(entry.name)")
            // It becomes a part of the names of settings, refs and paths.
            try require(
                !entry.name.isEmpty && entry.name.utf8.allSatisfy { $0 > 32 && $0 != 127 && $0 != 47 && $0 != 58 },
                "nothing in the name \(entry.name) has a meaning")
        }
        var wanted = entries
        if let uuid = RepositoryUUID(parts[2]), let name = String(validating: parts[3], as: UTF8.self),
            ProxyLog.isRemoteName(name)
        {
            // What a line would take apart is no UUID of a remote that anybody could add.
            if parts[2].allSatisfy({ $0 > 32 && $0 != UInt8(ascii: ":") }) {
                wanted.insert(ProxyLog.Entry(uuid: uuid, name: name))
            }
        }
        _ = log.set(wanted, of: gateway, now: BranchTimestamp(seconds: 1))
        let again = ProxyLog(parsing: log.serialized)
        try requireEqual(again.entries(of: gateway), wanted, "what is recorded can be read")
        try requireEqual(log.set(wanted, of: gateway, now: BranchTimestamp(seconds: 2)), false, "recorded already")
    },
    FuzzTarget("transitions-log") { input in
        let parts = input.parts(2)
        let (first, second) = (TransitionsLog(parsing: parts[0]), TransitionsLog(parsing: parts[1]))
        var (left, right) = (first, second)
        left.formUnion(second)
        right.formUnion(first)
        try requireEqual(left, right, "the order of branches has no say")
        try requireEqual(TransitionsLog(parsing: parts[0] + [10] + parts[1]), left, "lines of both in one file")
        left.formUnion(left)
        try requireEqual(left, right, "once more changes nothing")
    },
]

/// The properties that all families share, over three versions of a file.
private func checkFamily<Log: Equatable>(
    _ input: FuzzInput, parse: ([UInt8]) -> Log, add: (inout Log, [UInt8]) -> Void, write: (Log) -> [UInt8]
) throws {
    let parts = input.parts(3)
    let logs = parts.map(parse)
    for log in logs { try requireEqual(parse(write(log)), log, "the log written anew") }
    var sequence = logs[0]
    add(&sequence, parts[1])
    try requireEqual(parse(parts[0] + [10] + parts[1]), sequence, "versions one after the other are one file")
    var again = sequence
    add(&again, write(sequence))
    try requireEqual(again, sequence, "a version of one's own changes nothing")
    add(&sequence, parts[2])
    var others = logs[1]
    add(&others, parts[2])
    var grouped = logs[0]
    add(&grouped, write(others))
    try requireEqual(grouped, sequence, "how versions are grouped has no say")
}
