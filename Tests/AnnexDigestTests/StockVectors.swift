import AnnexDigest

/// Digests of `pattern(count)` by the stock program (`git annex calckey`, 10.20261026).
enum StockVectors {
    struct Vector: Sendable {
        var algorithm: DigestAlgorithm
        var count: Int
        var digest: String
    }

    /// Bytes that repeat neither with a block nor with a chunk.
    static func pattern(_ count: Int) -> [UInt8] { Array(longest[..<count]) }

    /// Made once, for 1 MiB takes a while in a debug build.
    private static let longest = (0..<1 << 20).map {
        UInt8(truncatingIfNeeded: $0 * 7 + ($0 >> 8) * 13 + ($0 >> 16) * 29 + 3)
    }

    static let all: [Vector] = [
        Vector(algorithm: .md5, count: 0, digest: "d41d8cd98f00b204e9800998ecf8427e"),
        Vector(algorithm: .sha1, count: 0, digest: "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        Vector(algorithm: .sha224, count: 0, digest: "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f"),
        Vector(
            algorithm: .sha256, count: 0,
            digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
                + ""),
        Vector(
            algorithm: .sha384, count: 0,
            digest: "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
                + "274edebfe76f65fbd51ad2f14898b95b"),
        Vector(
            algorithm: .sha512, count: 0,
            digest: "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
                + "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"),
        Vector(algorithm: .sha3x224, count: 0, digest: "6b4e03423667dbb73b6e15454f0eb1abd4597f9a1b078e3f5b5a6bc7"),
        Vector(
            algorithm: .sha3x256, count: 0,
            digest: "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"
                + ""),
        Vector(
            algorithm: .sha3x384, count: 0,
            digest: "0c63a75b845e4f7d01107d852e4c2485c51a50aaaa94fc61995e71bbee983a2a"
                + "c3713831264adb47fb6bd1e058d5f004"),
        Vector(
            algorithm: .sha3x512, count: 0,
            digest: "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a6"
                + "15b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26"),
        Vector(
            algorithm: .skein256, count: 0,
            digest: "c8877087da56e072870daa843f176e9453115929094c3a40c463a196c29bf7ba"
                + ""),
        Vector(
            algorithm: .skein512, count: 0,
            digest: "bc5b4c50925519c290cc634277ae3d6257212395cba733bbad37a4af0fa06af4"
                + "1fca7903d06564fea7a2d3730dbdb80c1f85562dfcc070334ea4d1d9e72cba7a"),
        Vector(algorithm: .blake2b160, count: 0, digest: "3345524abf6bbe1809449224b5972c41790b6cf2"),
        Vector(algorithm: .blake2b224, count: 0, digest: "836cc68931c2e4e3e838602eca1902591d216837bafddfe6f0c8cb07"),
        Vector(
            algorithm: .blake2b256, count: 0,
            digest: "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
                + ""),
        Vector(
            algorithm: .blake2b384, count: 0,
            digest: "b32811423377f52d7862286ee1a72ee540524380fda1724a6f25d7978c6fd324"
                + "4a6caf0498812673c5e05ef583825100"),
        Vector(
            algorithm: .blake2b512, count: 0,
            digest: "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419"
                + "d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce"),
        Vector(algorithm: .blake2s160, count: 0, digest: "354c9c33f735962418bdacb9479873429c34916f"),
        Vector(algorithm: .blake2s224, count: 0, digest: "1fa1291e65248b37b3433475b2a0dd63d54a11ecc4e3e034e7bc1ef4"),
        Vector(
            algorithm: .blake2s256, count: 0,
            digest: "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9"
                + ""),
        Vector(
            algorithm: .blake2bp512, count: 0,
            digest: "b5ef811a8038f70b628fa8b294daae7492b1ebe343a80eaabbf1f6ae664dd67b"
                + "9d90b0120791eab81dc96985f28849f6a305186a85501b405114bfa678df9380"),
        Vector(algorithm: .blake2sp224, count: 0, digest: "c26167059e1d0f5c4d38e0baf1763410a974e427fe0dc3d61b7bdb71"),
        Vector(
            algorithm: .blake2sp256, count: 0,
            digest: "dd0e891776933f43c7d032b08a917e25741f8aa9a12c12e1cac8801500f2ca4f"
                + ""),
        Vector(
            algorithm: .blake3x256, count: 0,
            digest: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
                + ""),
        Vector(algorithm: .xxh3, count: 0, digest: "2d06800538d394c2"),
        Vector(
            algorithm: .skein256, count: 1024,
            digest: "e1d8a69384c133767d636a98ae530a841a4b8b34ea160fc4c0f3cd8deebd043c"
                + ""),
        Vector(
            algorithm: .skein512, count: 1024,
            digest: "96784070db73488688fd2d9aacbbffd7a6224012dbddedad0560d030b7d15eb7"
                + "eb029281fc81299ca86c07ff3de93015235fc4e7344ea1c9c3ccee4ab5df5096"),
        Vector(
            algorithm: .blake2bp512, count: 1024,
            digest: "e6fe330b77f4164efb0e0e63b7b18342644fa946a302dc6e2208ac214b766265"
                + "703302ae3c5381f29e164503ecbc34f34a5f3276f628acc6c6334cb22c3513d4"),
        Vector(
            algorithm: .blake2sp224, count: 1024,
            digest: "163c2fa55b20f19300e7b8d8dbac63fe7fa0cbd913dbc04cf1417bf6"
                + ""),
        Vector(
            algorithm: .blake2sp256, count: 1024,
            digest: "e8234ddd996e2af13427203128f369ea2a77d6f972ea4855b673e8cff4f4d239"
                + ""),
        Vector(
            algorithm: .blake3x256, count: 1024,
            digest: "15806908703d986e2c094162985110cdaa83c716db707ef9bdc4b019d2fe0b59"
                + ""),
        Vector(
            algorithm: .skein256, count: 1025,
            digest: "b447130ea505f7c1d6e9c59f057a70c66826215c5f12279249ef6795a55c619d"
                + ""),
        Vector(
            algorithm: .skein512, count: 1025,
            digest: "7cfdee36ea26cbe1dc075201e868272cbe29250da77c5983deb799f251acfa75"
                + "b0efaf55982a2018022757ad9281de62a86e6be77587a561c5343b94719f01a8"),
        Vector(
            algorithm: .blake2bp512, count: 1025,
            digest: "e5e02aff6e3ab42413c7bf8e1ad95e6cd017cc2b5248ce1e784c74f67deb4717"
                + "a814b43a2ac9c53bd4279a23b4a3c03143d8676d5c5213786f74477f0edd5087"),
        Vector(
            algorithm: .blake2sp224, count: 1025,
            digest: "de6804b4d3cdd8e096927ed9e1fddd6c2164f45cc44f7e68a339567a"
                + ""),
        Vector(
            algorithm: .blake2sp256, count: 1025,
            digest: "df7cdc889958b4a87269bbc5960d84fbb19050288970e18a0dafdd2e004a7e6c"
                + ""),
        Vector(
            algorithm: .blake3x256, count: 1025,
            digest: "d096cc3783b0a152dd3ed9be5a3a8ce6c4e56179c68c1f6e838a732f90fa1dfa"
                + ""),
        Vector(
            algorithm: .skein256, count: 2048,
            digest: "6802171e42f8aba6ac08028abb6d53e42bb105315195be2aab8e0680f5780978"
                + ""),
        Vector(
            algorithm: .skein512, count: 2048,
            digest: "2a1bfa9bfc20ccfd3234c2a1abc0e0b2f9cfec4ba7f0258b40bc2ad1e8c2204f"
                + "4e5c8b3e9c06f74b2cfca42555ea749d76aa5e9cb6b6173964668ab4cf5f4c63"),
        Vector(
            algorithm: .blake2bp512, count: 2048,
            digest: "959187d1509eace4a11963ca276950bfda13ec54f26ca6f15baea3c0cf0fdfff"
                + "6cfabf9f73a909f6c9c97ed2282a0ca85559fdce919995e12c8afdab390a6777"),
        Vector(
            algorithm: .blake2sp224, count: 2048,
            digest: "95f30892c3d8a5ffc66664023ec27ccb4eeb8e8533c3c6a66156e3d2"
                + ""),
        Vector(
            algorithm: .blake2sp256, count: 2048,
            digest: "e6cf192a45285a14be060de065b0d8c33e469494d10ccd900d22d0c48f69d0eb"
                + ""),
        Vector(
            algorithm: .blake3x256, count: 2048,
            digest: "46ca9c9094312bdfbcdff4ca44e1e7657c403b091a67f791b6ddc4e342a0f371"
                + ""),
        Vector(
            algorithm: .skein256, count: 2049,
            digest: "18adbad5ddf59d0755ae5a1d4575333e25107932f11c5094a3e27080016ba2ca"
                + ""),
        Vector(
            algorithm: .skein512, count: 2049,
            digest: "0c493b76642854690bcacdc775e36d5f16c67f1359fbab386ebc7f832866e18b"
                + "18aebf76f36f77e997812f1f67e2c7a4e876412bfb8e4771fe7af5301cb8f254"),
        Vector(
            algorithm: .blake2bp512, count: 2049,
            digest: "59b86ef7e2025c20c869158f3fa28530a3cf679315d907b0b7b66b3a97d4930a"
                + "bdda9c86b1ffa225096f1c8fe86d4c75a904a39def863baa990e85c5a7fa9f9c"),
        Vector(
            algorithm: .blake2sp224, count: 2049,
            digest: "ee2c66268626fdfd028e8b8fb84e7b3014d55e06f1c9d3148949eb1e"
                + ""),
        Vector(
            algorithm: .blake2sp256, count: 2049,
            digest: "cc6e2230ab1327fb79e00bbd07a69490fcd2aa946ce206620ada313086a426f2"
                + ""),
        Vector(
            algorithm: .blake3x256, count: 2049,
            digest: "1cabe8b576e3135c86cff12652f2ae1614aa0d03602345ac5bb0f9cbc84dc895"
                + ""),
        Vector(algorithm: .md5, count: 5000, digest: "bf82cc98595cd5a1a5a8e17e7a018071"),
        Vector(algorithm: .sha1, count: 5000, digest: "0c20deb6a7ae7f6d2fbe1d6352591616b0363f7a"),
        Vector(algorithm: .sha224, count: 5000, digest: "dd27acf7a79fb40fd3c0276d4844742769de6fe501a85929b1d113d4"),
        Vector(
            algorithm: .sha256, count: 5000,
            digest: "c71b16de24f933e40af925f8fa307796db0be5559fcd009c8df7cf8dc71d6c97"
                + ""),
        Vector(
            algorithm: .sha384, count: 5000,
            digest: "247d1ba0f0e56c017094cda9df4462ce29bd2e8a6873b3ac9a41cb1b33bebc0a"
                + "02f3e2f2f2118d8847b4bdc522576c54"),
        Vector(
            algorithm: .sha512, count: 5000,
            digest: "795a452ea3deb4ad183d48bc3c2be2b8f80afd4cd7dfdba7ebf0a8a431822cf7"
                + "8b9fdf7846dcc5fbe3f034581e4bfebe2cea708ebe8d29dd1059358cebbf247c"),
        Vector(algorithm: .sha3x224, count: 5000, digest: "f7d3ccc6ba9cfe4145c6c82df9d21e0398e91ea27f4a31a4748f8388"),
        Vector(
            algorithm: .sha3x256, count: 5000,
            digest: "b9817cfd80f77ae09d1bf23054a77a5d2b18679aa71bbf18081ec5fdd4e9f3d1"
                + ""),
        Vector(
            algorithm: .sha3x384, count: 5000,
            digest: "3d2184763d318214d779c43171eb2b80ce4584dbf2bf9a91973fff13d5ab2e04"
                + "87d8eff5f1ab3e26006ffeae6c690773"),
        Vector(
            algorithm: .sha3x512, count: 5000,
            digest: "f10c0421ba66d2426f15ba6b5094e81f7b8965511196190773cc1383ddf325a9"
                + "6f9150c5507dc0295527e107b63d35a27e0a52734ad0a02fe934e5b67156b737"),
        Vector(
            algorithm: .skein256, count: 5000,
            digest: "8180e8b25abdd5b2b801632f89a6ac9cb72ce02b1402391975f8a0ccfc2d0152"
                + ""),
        Vector(
            algorithm: .skein512, count: 5000,
            digest: "95fdecf8f850d706f78e473bb007162a783abdffae1a7482ff72a9649d7e725e"
                + "30a103a6993f358ef78957b68f2609b9a593a5066530771612db8e9775b874e6"),
        Vector(algorithm: .blake2b160, count: 5000, digest: "eb2f409458a836f903a532d3ee82ae6114097b43"),
        Vector(algorithm: .blake2b224, count: 5000, digest: "e09c014dd473de78f84feb9053b9a612d77f3ed6478afea8107b0841"),
        Vector(
            algorithm: .blake2b256, count: 5000,
            digest: "eda2fce889aaf47f84edadac766b87505903d3cae040cf00a589f17f4c26d899"
                + ""),
        Vector(
            algorithm: .blake2b384, count: 5000,
            digest: "310279d31f177afb304ee7a45b98fe776fdb18b78d121822247aa5665e9373de"
                + "b5c32dde1040470803170140c6d39834"),
        Vector(
            algorithm: .blake2b512, count: 5000,
            digest: "4b1229c4496821605932a6651c0dd6f143ceb37f9081c1d945e40a4eae7d33b6"
                + "44df099c674131a3d8bf814c88fb04572b19179a4a1efd0039dc76ce79cd8a48"),
        Vector(algorithm: .blake2s160, count: 5000, digest: "30d2bc054b28f0fd57cf70ba81627e9df5e6d3b8"),
        Vector(algorithm: .blake2s224, count: 5000, digest: "620e6b8781dfd6ba41583d54dba4dc9717b1cb54b6a2f9a0a6d2d089"),
        Vector(
            algorithm: .blake2s256, count: 5000,
            digest: "1ccfc37a5bd4d3c1d183326549e12a5741d567980a888c8b08c963dc8bc6824c"
                + ""),
        Vector(
            algorithm: .blake2bp512, count: 5000,
            digest: "bdc0a13f2559d718d2aa0545a149724ec8548f379c4c625b3cbffe8f476606e6"
                + "62e524d734c66868501fbef6ceaad19de3e21c2c6fe2f535005b09741fa338b6"),
        Vector(
            algorithm: .blake2sp224, count: 5000,
            digest: "d2ad4282342d5e407e5e640a4a1406d3c1f0068269e20ebafc44db2a"
                + ""),
        Vector(
            algorithm: .blake2sp256, count: 5000,
            digest: "621d3ec9427f97b4376063486a67df55bc2984c4e16e231db4dc4f9d64761120"
                + ""),
        Vector(
            algorithm: .blake3x256, count: 5000,
            digest: "3e2494fd35562d6106a7c7012175ac9735f805b60da41d5d018774b4f24f1894"
                + ""),
        Vector(algorithm: .xxh3, count: 5000, digest: "242c1cf3b0a36594"),
        Vector(algorithm: .md5, count: 1048576, digest: "c4faaa9519c536917997334dc738da4e"),
        Vector(algorithm: .sha1, count: 1048576, digest: "5891f7b6ac057fa0946f28ef3037cfe23e255de0"),
        Vector(algorithm: .sha224, count: 1048576, digest: "6c86df242bb27e51aed5dc3d44354684e3d23a203eb33ac49b909a7d"),
        Vector(
            algorithm: .sha256, count: 1048576,
            digest: "752596fed636dc9d9a4326fb64c7b9ccb5311adf3579d7c6ffe099aa7e1f94f7"
                + ""),
        Vector(
            algorithm: .sha384, count: 1048576,
            digest: "63d548354a77af0c3ef76147db62a35784b8c7a3ed920c72319bf9698858d8b0"
                + "c9770a60a9b30ce0fc2987a489cfc623"),
        Vector(
            algorithm: .sha512, count: 1048576,
            digest: "497a0fc9aa895d54af9f13f0bf77d6a95ce1d75517b98241cfe20a2cf07a47d3"
                + "3c4f83384043cf0d1420b6d6cdf4b953a6923641bdeed723405ef1faa7d8b1fc"),
        Vector(
            algorithm: .sha3x224, count: 1048576,
            digest: "4a42de469c6a641905e7c58bc280ee89507e430cf55e98aa53190b8a"
                + ""),
        Vector(
            algorithm: .sha3x256, count: 1048576,
            digest: "b9dec06769b37b434174c9226e9d9710855ce84ed419dd8ac614fc99aecc31ca"
                + ""),
        Vector(
            algorithm: .sha3x384, count: 1048576,
            digest: "72e68b7f9a6c85ffca0b80eff7681437bcbfccfa8bcf49891fce868c77469e44"
                + "6a665253e7079054d76e829b25e43a11"),
        Vector(
            algorithm: .sha3x512, count: 1048576,
            digest: "c944a2b37e40751a2b18bb6aecc73bc4755e756a30541c5650cb93276e444a5d"
                + "799a4b7a3b735000f785d99a2b4892f15977230b4f69045b83b64f54fa11a139"),
        Vector(
            algorithm: .skein256, count: 1048576,
            digest: "90859e7ac05b85a84d7eb1982413742347461818e9cc131715a6925575c797ee"
                + ""),
        Vector(
            algorithm: .skein512, count: 1048576,
            digest: "ecec8f08e8cad85031824c99cd1f4252fd2d80b7a2c23cda1f89281996bc9cc7"
                + "184296e4ab20af8799ee77d5e1e2f9a780d2b744c19611f620d3799f07d98dda"),
        Vector(algorithm: .blake2b160, count: 1048576, digest: "673f3ce1d97cba8d42c99d9c7cb1db66d19a5f82"),
        Vector(
            algorithm: .blake2b224, count: 1048576,
            digest: "164d982d057eda4e4a77e8ffc738751fc8c62bd63079383e96e5a3bd"
                + ""),
        Vector(
            algorithm: .blake2b256, count: 1048576,
            digest: "86ac453283b24998ae2d56219946aaf9657527541f963c2438d22443a391ec88"
                + ""),
        Vector(
            algorithm: .blake2b384, count: 1048576,
            digest: "c62d925b8cced60cfa7513a3dc5d4f2a6574f3757b369e0c8015af87990ddfbc"
                + "287d67d78fab9bbc9ff8a9655b9173e0"),
        Vector(
            algorithm: .blake2b512, count: 1048576,
            digest: "5766c243d8cb732fb315fa6cc8a0659d182375620fbe24548d876cf715e1af10"
                + "1a4b0ca2dda7176e8afddb2da2718dd2a448858c080716c114f44d3a8c8971d8"),
        Vector(algorithm: .blake2s160, count: 1048576, digest: "37098f94096508f73f1719a8ab3a3541a57b7169"),
        Vector(
            algorithm: .blake2s224, count: 1048576,
            digest: "f6518520dfb1112db3c0e3283ee5ac9a7a012c2dbab9075a9d42f8d4"
                + ""),
        Vector(
            algorithm: .blake2s256, count: 1048576,
            digest: "a0beffc4e1b8cd3f45f6d7487658825da587fd6e51b067153b0a90c97e2a38b9"
                + ""),
        Vector(
            algorithm: .blake2bp512, count: 1048576,
            digest: "52725aaa424d6c436dc6a3c159a2aa3c7d291ed899b18bef62fe8b3ddb4fcc90"
                + "d34223714685702bdc541587a9e5119cc10f5240d3659b6a6869cc9734c0151e"),
        Vector(
            algorithm: .blake2sp224, count: 1048576,
            digest: "8251f4c4e653e8f0f2081b9b5a31ce682488c8db52fa02dd3729d47e"
                + ""),
        Vector(
            algorithm: .blake2sp256, count: 1048576,
            digest: "36abe8941c11f3f715414f8f68ebd7ea6bb6d0cc26ea579a4b10fb6a0d067751"
                + ""),
        Vector(
            algorithm: .blake3x256, count: 1048576,
            digest: "7687b66d6cfed821a08b4cd83b1f8a7014ba614ce5170a18ea4d6d32b3c971a2"
                + ""),
        Vector(algorithm: .xxh3, count: 1048576, digest: "fca40788f32f8919"),
    ]
}
