"""The vocabulary: what people write, and the token it stands for.

Latin words are looked up whole, Chinese ones by longest match, since Chinese has no spaces.
FILLER carries no meaning for the result; every word that is not here makes a question not
understood, so nothing that could change the meaning is ever skipped.
"""

# Tokens that the grammar in parser.py knows by these names.
_LATIN = {
    "+": "plus",
    "ADD": "add",
    "-": "minus less",
    "*": "times x",
    "MOD": "mod modulo",
    "SQRT": "sqrt",
    "POWER": "power",
    "SQUARED": "squared",
    "CUBED": "cubed",
    "SQUARE": "square",
    "ROOT": "root",
    "DIVIDED": "divided",
    "MULTIPLIED": "multiplied",
    "DIVIDE": "divide",
    "MULTIPLY": "multiply",
    "SUBTRACT": "subtract",
    "INCREASE": "increase raise increased raised",
    "DECREASE": "decrease reduce lower decreased reduced lowered",
    "CHANGE": "change",
    "OFF": "off discount",
    "OF": "of",
    "BY": "by",
    "TO": "to until till through",
    "FROM": "from since",
    "AND": "and",
    "BETWEEN": "between",
    "AFTER": "after later",
    "BEFORE": "before earlier",
    "IS": "is are equals equal was",
    "AS": "as",
    "WHAT": "what whats which",
    "HOW": "how",
    "MANY": "many",
    "MUCH": "much",
    "PERCENT": "percent percentage pct",
    "SUM": "sum total",
    "AVERAGE": "average mean",
    "DIFFERENCE": "difference",
    "PRODUCT": "product",
    "DAY": "day days",
    "WEEK": "week weeks",
    "MONTH": "month months",
    "YEAR": "year years",
    "WEEKDAY": "weekday",
    "DATEWORD": "date",
    "THOUSAND": "thousand k",
    "MILLION": "million",
    "BILLION": "billion bn",
    "FILLER": "a an the please calculate compute calculator work out find tell me can could you "
    "give show for i need know want would like result answer evaluate use using with number it hi hello "
    "hey do does there on will be its so ok okay thanks thank",
    "USD": "usd dollar dollars",
    "TWD": "twd ntd",
    "CNY": "cny rmb yuan",
    "EUR": "eur euro euros",
    "GBP": "gbp",
    "JPY": "jpy yen",
    "HKD": "hkd",
}

_HAN = {
    "+": "加上 加",
    "-": "減去 减去 減 减",
    "*": "乘以 乘上 乘",
    "/": "除以",
    "MOD": "取餘 取余",
    "OF_": "的",
    "INCREASE": "增加了 增加 提高了 提高 上漲了 上涨了 上漲 上涨 漲了 涨了 漲 涨 調高 调高 上調 上调 加價 加价 增長了 增长了 增長 增长 成長 成长",
    "DECREASE": "減少了 减少了 減少 减少 降低了 降低 下降了 下降 下跌了 下跌 調低 调低 下調 下调 降價 降价",
    "CHANGE": "變化率 变化率 變化 变化 變動 变动",
    "PERCENTQ": "百分之幾 百分之几 百分之多少 幾% 几% 多少% 幾個百分點 几个百分点",
    "PERCENTOF": "百分之",
    "TO": "至 到",
    "FROM": "從 从 自 由",
    "AND": "跟 和 與 与 及",
    "BETWEEN": "之間 之间 相差 相隔 間隔 间隔 距離 距离 差 隔",
    "AFTER": "之後 之后 以後 以后 後 后",
    "BEFORE": "之前 以前 前",
    "IS": "等於 等于 等 是 為 为 占 佔",
    "WHATQ": "多少錢 多少钱 多少 幾 几 什麼 什么 哪一天 哪天 幾號 几号 幾月幾號 几月几号 幾月幾日 几月几日",
    "SUM": "總和 总和 總計 总计 合計 合计 加總 加总",
    "AVERAGE": "平均數 平均数 平均值 平均",
    "ROOTOF": "平方根 開根號 开根号 開方 开方",
    "SQUAREDOF": "平方",
    "CUBEDOF": "立方",
    "POWEROF": "次方 次幂 次冪",
    "HALF": "一半",
    "DISCOUNT": "打",
    "ZHE": "折",
    "DAY": "天 日",
    "WEEK": "個星期 个星期 個禮拜 个礼拜 星期 禮拜 礼拜 週 周",
    "MONTH": "個月 个月 月",
    "YEAR": "年",
    "WEEKDAYQ": "星期幾 星期几 禮拜幾 礼拜几 週幾 周几",
    "WAN": "萬 万",
    "YI": "億 亿",
    "THOUSAND": "千",
    "FILLER": "請問一下 请问一下 請問 请问 請幫我 请帮我 幫我 帮我 請 请 幫忙 帮忙 計算機 计算器 計算器 计算机 計算一下 计算一下 計算 计算 "
    "算一下 算算 算出 算 一下 用 我想知道 我想 知道 我要 告訴我 告诉我 你好 您好 結果 结果 答案 呢 嗎 吗 啊 呀 吧 一共 總共 总共 "
    "共 有 會 会 這天 这天 那天 那一天 當天 当天 了 應該 应该 再 麻煩 麻烦 謝謝 谢谢 期間 期间 中間 中间",
    "USD": "美元 美金",
    "TWD": "新台幣 新臺幣 台幣 臺幣 新台币 台币",
    "CNY": "人民幣 人民币",
    "EUR": "歐元 欧元",
    "GBP": "英鎊 英镑",
    "JPY": "日圓 日元 日幣 日币",
    "HKD": "港幣 港币 港元",
    "MONEY": "元 塊錢 块钱 塊 块",
}

_SYMBOLS = {"us$": "USD", "nt$": "TWD", "hk$": "HKD", "$": "$", "€": "EUR", "£": "GBP", "¥": "¥"}

MONTH_NAMES = (
    "january february march april may june july august september october november december"
).split()

CURRENCIES = {"USD", "TWD", "CNY", "EUR", "GBP", "JPY", "HKD", "MONEY", "$", "¥"}
MULTIPLIERS = {
    "THOUSAND": 10**3,
    "MILLION": 10**6,
    "BILLION": 10**9,
    "WAN": 10**4,
    "YI": 10**8,
}
UNITS = {"DAY", "WEEK", "MONTH", "YEAR"}


def _flat(table):
    return {word: token for token, words in table.items() for word in words.split()}


LATIN = _flat(_LATIN)
HAN = _flat(_HAN)
SYMBOLS = _SYMBOLS
MAX_HAN = max(len(word) for word in HAN)
