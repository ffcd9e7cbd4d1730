/// The bytes of one run, and the ways in which targets cut them.
struct FuzzInput {
    let bytes: [UInt8]

    init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Exactly `count` parts, from between the bytes FF; what follows the last one that counts belongs to the last
    /// part, and parts that are missing are empty.
    func parts(_ count: Int) -> [[UInt8]] {
        var parts = bytes.split(separator: 0xff, maxSplits: count - 1, omittingEmptySubsequences: false).map {
            Array($0)
        }
        while parts.count < count { parts.append([]) }
        return parts
    }

    /// The bytes in pieces whose lengths depend on the bytes alone, so that each run can be repeated: half of them of
    /// one to four bytes, half of up to 64.
    var pieces: [ArraySlice<UInt8>] {
        var state = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        var pieces: [ArraySlice<UInt8>] = []
        var start = 0
        while start < bytes.count {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let random = Int(state >> 33)
            let end = min(bytes.count, start + 1 + (random & 1 == 0 ? random >> 1 & 3 : random >> 1 & 63))
            pieces.append(bytes[start..<end])
            start = end
        }
        return pieces
    }
}
