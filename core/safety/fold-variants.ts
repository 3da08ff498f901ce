// Writings of one character that OpenCC's dictionaries keep apart, the usual one first: two forms
// that are both in use (账戶 and 帳戶, 大炮 and 大砲), or a rare form that everybody reads.
const CHINESE = `
账帐 炮砲礮 枪鎗 你妳 它牠 妆粧 回囘囬廻 干亁 体軆躰 侄姪 听聼 飘飃 余馀 膳饍 斗鬪鬬 耽躭 软輭 哄閧 强彊 户戸
裸躶臝 淫婬 朵朶 昵暱 哲喆 兔兎 剩賸 胁脇 胸胷 遍徧 酬酧 冰氷 麻蔴痲 窑窰 密宻 参叅 咒呪 奔犇逩 妒妬 婿壻 宝寳
宜冝 寇冦 岛嶋 廿卄 憩憇 拿拏 掩揜 搜捜 春旾 暖煖 最冣 桌槕 梅楳 橹艪 款欵 法灋 淳湻 照炤 燕鷰 犁犂 珍珎 琴琹
瓷甆 留畱 略畧 皋皐 盖葢 眯瞇 矿鑛 碗椀盌 磷燐 秸稭 稚穉 粗麤觕 罚罸 翻飜 花蘤 荔茘 莓苺 葬塟 蝶蜨 衔啣 袜韈 裤袴
诉愬 豆荳 辉煇 逃迯 邻隣 阱穽 隘阨 雁鴈 鸦鵶 鹅鵞 偷媮 劫刼刦 只祇 堤隄 姊姉 孽孼 宁甯 并竝 时旹 棋碁 棕椶
榨搾 欢懽 毡氊 氛雰 熔鎔 球毬 眷睠 睹覩 碱堿鹻 秋秌 稿稾 窗窻窓牕 置寘 蜂蠭 裙裠 闭閇 霸覇 鲜鱻 鼓皷`;

// Japanese forms beside the traditional ones. Those that Chinese has as characters of their own (欠,
// 予, 芸) are left out: none of these stands in GB 2312 or Big5.
// Selected from https://github.com/BYVoid/OpenCC/blob/master/data/dictionary/JPShinjitaiCharacters.txt
const JAPANESE = `
兩両 乘乗 龜亀 亞亜 佛仏 假仮 價価 儉倹 兒児 圓円 處処 劍剣 劑剤 剩剰 勞労 效効 敕勅 勸勧 勳勲 單単 嚴厳 收収
啞唖 營営 嚙噛 團団 圍囲 圖図 圈圏 壓圧 壘塁 鹽塩 增増 壞壊 壤壌 壹壱 賣売 變変 奬奨 孃嬢 實実 寬寛 對対 專専
堯尭 巖巌 巢巣 卷巻 帶帯 歸帰 廳庁 廣広 廢廃 貳弐 彈弾 從従 德徳 徵徴 應応 惠恵 惱悩 惡悪 懷懐 戰戦 戲戯 戾戻
拂払 拔抜 擇択 拜拝 據拠 擴拡 舉挙 插挿 搜捜 揭掲 搔掻 搖揺 攝摂 擊撃 攪撹 齊斉 齋斎 晚晩 曉暁 曆暦 曾曽 榮栄
櫻桜 棧桟 檢検 樂楽 樣様 權権 歡歓 步歩 齒歯 歲歳 歷歴 殼殻 每毎 氣気 澤沢 淨浄 淚涙 渴渇 濟済 涉渉 澀渋 溪渓
滿満 瀧滝 瀨瀬 燒焼 犧犠 獵猟 獸獣 疊畳 瘦痩 發発 縣県 碎砕 稻稲 穗穂 穩穏 穰穣 龍竜 粹粋 肅粛 經経 繪絵 繼継
續続 總総 綠緑 緣縁 繩縄 縱縦 纖繊 繡繍 聽聴 腦脳 臟臓 豔艶 莊荘 藏蔵 薰薫 藥薬 螢蛍 蠟蝋 霸覇 覺覚 覽覧 觀観
譯訳 說説 讀読 謠謡 讓譲 贊賛 轉転 輕軽 邊辺 遞逓 鄉郷 醉酔 醬醤 釀醸 釋釈 鐵鉄 礦鉱 錢銭 鑄鋳 鍊錬 錄録 關関
閱閲 鬥闘 陷陥 險険 隱隠 雜雑 靈霊 穎頴 賴頼 顏顔 顯顕 驛駅 驅駆 騷騒 驗験 髓髄 髮髪 鷗鴎 雞鶏 鹼鹸 麴麹 麵麺
黑黒 默黙 齡齢`;

// Signs for radicals that look like the character and that no normalization takes for it.
// Selected from https://www.unicode.org/Public/UCD/latest/ucd/EquivalentUnifiedIdeograph.txt
const RADICALS = `
见⻅ 贝⻉ 车⻋ 长⻓ 長⻑ 门⻔ 韦⻙ 页⻚ 风⻛ 飞⻜ 马⻢ 鱼⻥ 鸟⻦ 卤⻧ 麦⻨ 黄⻩ 黾⻪ 齐⻬ 齿⻮ 龙⻰ 龜⻱ 亀⻲
虎⻁ 西⻄ 青⻘ 鬼⻤ 骨⻣ 食⻝ 雨⻗ 角⻆ 足⻊ 民⺠ 巳⺒ 幺⺓ 月⺝ 兀⺎ 日⺜ 王⺩`;

/** `[form, usual form]`: Han characters that write the same one. */
export const otherForms = (): readonly (readonly [string, string])[] =>
  `${CHINESE}${JAPANESE}${RADICALS}`
    .trim()
    .split(/\s+/)
    .flatMap((group) => {
      const [usual = "", ...forms] = group;
      return forms.map((form) => [form, usual] as const);
    });
