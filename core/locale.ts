import type { Locale } from "./contract/model.ts";

// Frequent characters that exist in one script only; a question of any length has some of them.
const SIMPLIFIED = new Set(
  "们这来时个国说为会对发样还开过关话问请简单记应该帮么没给长钱买卖书见车门间体点两电业东义习乡产亲从仓价众优传伤军农冲决况净减凤华厂厅历压厌县参双变号听吗员响图团圆场块坏声处备复够头夹夺奋妇娱孙学宁宝实审宽导寿将尔尝层岁岛币师带广庆库庙废异张弹归当录忆怀态总恋恶惊惯愿战户扑执扩扫扬护报担拟择换据摆数断无旧显晓术机杀杂权条极构标树档检楼欢残毕气汇汉汤沟测济浅满热爱状独环现画疗确码离种积称税稳穷竞笔筛类红约级纪纯纲纳纸线练组细织终绍经结绕绘络绝统继绩续维综编缩网罗职联脑节苏药营获虽补装规视觉计订认讨让训议讯设访证评识词译试诚误调谁谈谢财责败货质费资赏赔赛赞赵趋跃轨转轮软轻较输辑边达迁运进远连适选递遗释钟钢错键锁镇闭队阶际陆险难预领频题颜额风飞饭馆马驱验鱼鲁鸟黄齐",
);
const TRADITIONAL = new Set(
  "們這來時個國說為會對發樣還開過關話問請簡單記應該幫麼沒給長錢買賣書見車門間體點兩電業東義習鄉產親從倉價眾優傳傷軍農衝決況淨減鳳華廠廳歷壓厭縣參雙變號聽嗎員響圖團圓場塊壞聲處備復夠頭夾奪奮婦娛孫學寧寶實審寬導壽將爾嘗層歲島幣師帶廣慶庫廟廢異張彈歸當錄憶懷態總戀惡驚慣願戰戶撲執擴掃揚護報擔擬擇換據擺數斷無舊顯曉術機殺雜權條極構標樹檔檢樓歡殘畢氣匯漢湯溝測濟淺滿熱愛狀獨環現畫療確碼離種積稱稅穩窮競筆篩類紅約級紀純綱納紙線練組細織終紹經結繞繪絡絕統繼績續維綜編縮網羅職聯腦節蘇藥營獲雖補裝規視覺計訂認討讓訓議訊設訪證評識詞譯試誠誤調誰談謝財責敗貨質費資賞賠賽贊趙趨躍軌轉輪軟輕較輸輯邊達遷運進遠連適選遞遺釋鐘鋼錯鍵鎖鎮閉隊階際陸險難預領頻題顏額風飛飯館馬驅驗魚魯鳥黃齊",
);
const HAN = /\p{Script=Han}/u;
// A language is told from the beginning of a text; a pasted document need not be read to its end.
const SAMPLE_UNITS = 2_000;

/** The language to speak: the tenant's, else the script of the question, else English. */
export const localeFor = (tenantLocale: Locale | undefined, question: string): Locale => {
  if (tenantLocale) return tenantLocale;
  const sample = question.slice(0, SAMPLE_UNITS);
  if (!HAN.test(sample)) return "en";
  let traditional = 0;
  let simplified = 0;
  for (const character of sample) {
    if (SIMPLIFIED.has(character)) simplified++;
    if (TRADITIONAL.has(character)) traditional++;
  }
  return traditional > simplified ? "zh-Hant" : "zh-Hans";
};
